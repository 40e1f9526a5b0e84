//! How a pool gets the connections that are asked for: while the budget lasts as many as would be of use, and then, at the cost of
//! other pools, only what it cannot do without.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::Pool;
use crate::connection::Connections;
use crate::connection::budget::Permit;
use crate::connection::drivers::Driver;
use crate::connection::line::Line;
use crate::connection::opened::Opened;
use crate::connection::opening::Slot;

/// How long a request waits for one of its pool's connections before another may be opened that has to be taken from others.
/// Opening one costs the server as much as fifty reads do, and most come free sooner.
const PATIENCE: Duration = Duration::from_millis(20);

/// How often whoever opens a connection looks whether anybody still waits for it.
const LOOK: Duration = Duration::from_millis(100);

/// What a new connection may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Haste {
    /// It is opened if the budget has a permit left.
    IfSpare,
    /// It waits for a permit, and others are made to give one back.
    TakeFromOthers,
}

impl Pool {
    /// Opens what is asked for and not there; at the cost of others only if this pool has nothing at all.
    pub(in crate::connection) fn open_missing(self: &Arc<Self>) {
        self.open(if self.line.open() == 0 { Haste::TakeFromOthers } else { Haste::IfSpare });
    }

    /// Opens what is missing, where the asker's thread has it driven.
    fn open(self: &Arc<Self>, haste: Haste) {
        let Some(connections) = self.connections.upgrade() else { return };
        if haste == Haste::IfSpare && !connections.budget(self.key.is_catalog()).has_spare() {
            return;
        }
        for _ in 0..self.line.missing() {
            let (pool, connections) = (Arc::clone(self), Arc::clone(&connections));
            let driver = connections.drivers.here(&self.source);
            connections.runtime().clone().spawn(async move { pool.open_one(&connections, driver, haste).await });
        }
    }

    async fn open_one(&self, connections: &Connections, driver: (Handle, Driver), haste: Haste) {
        // Counted as being opened until it is said how that went; also if it is never said.
        let opening = GivesUp(&self.line);
        let Some((slots, permit)) = self.while_asked(self.admission(connections, haste)).await.flatten() else {
            return;
        };
        let connecting = self.sessions.clone().open(self.source.clone());
        // It may have taken a while, and the asker's thread may have ended.
        let driver = if connections.drivers.are_leaving() { connections.drivers.at_home() } else { driver };
        let is_home = driver.1.is_home();
        match Opened::open(driver, connections.runtime(), connecting, permit, slots).await {
            Ok(opened) => {
                if self.keep_idle(opened, &connections.drivers).is_none() {
                    std::mem::forget(opening);
                    self.line.opened();
                }
            }
            Err(error) => {
                drop(opening);
                // Where the thread has ended meanwhile, that says nothing about the server.
                if is_home || !connections.drivers.are_leaving() {
                    self.trouble.send_replace(Some(error));
                }
            }
        }
    }

    /// The right to open a connection. The permit comes last: whoever has one waits for nothing but the server.
    async fn admission(&self, connections: &Connections, haste: Haste) -> Option<(Vec<Slot>, Permit)> {
        let mut slots = Vec::with_capacity(self.openings.len());
        for opening in &self.openings {
            slots.push(opening.enter().await);
        }
        let budget = connections.budget(self.key.is_catalog());
        let permit = match haste {
            Haste::IfSpare => budget.try_take()?,
            Haste::TakeFromOthers => budget.take().await,
        };
        Some((slots, permit))
    }

    /// Waits for as long as anybody waits for a connection.
    async fn while_asked<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        let mut wait = std::pin::pin!(wait);
        loop {
            let waited = tokio::time::timeout(LOOK, &mut wait).await.ok();
            if waited.is_some() || self.line.asking() == 0 {
                return waited.filter(|_| self.line.asking() > 0);
            }
        }
    }

    /// Asks for connections again and again once a request has waited for long enough: at the cost of others, if this pool has less
    /// than it is due.
    pub(super) async fn lose_patience(self: &Arc<Self>) -> Infallible {
        loop {
            tokio::time::sleep(PATIENCE).await;
            let is_short_changed = |connections: Arc<Connections>| connections.is_short_changed(self);
            match self.connections.upgrade().is_some_and(is_short_changed) {
                true => self.open(Haste::TakeFromOthers),
                false => self.open_missing(),
            }
        }
    }
}

/// Somebody who opens a connection and has not said yet how that went.
struct GivesUp<'a>(&'a Line);

impl Drop for GivesUp<'_> {
    fn drop(&mut self) {
        self.0.gave_up();
    }
}
