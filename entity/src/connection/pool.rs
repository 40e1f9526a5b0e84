//! One pool: connections that rest, without a ping on release or checkout, and a line of those who wait.
//! How it gets connections is in `filling.rs`, what becomes of those that are lent out in `lent.rs`.

mod filling;
mod lent;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use uuid::Uuid;

use super::drivers::{Abroad, Driver, Drivers};
use super::gate::Asker;
use super::line::Line;
use super::opened::Opened;
use super::opening::Opening;
use super::{Connections, Sessions, Source};
use crate::error::Error;

pub(crate) use lent::Pooled;
use lent::Turn;

/// How long a request waits in all, for its turn and for a connection, before it is told that the database is busy.
pub(super) const WAIT: Duration = Duration::from_secs(5);

/// What a pool's connections are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Use {
    /// Answering requests; on SQLite, reading.
    Serving,
    /// Writing to an SQLite file, which has one writer at a time. Waiting for it here is fair; waiting in SQLite is a
    /// lottery.
    Writing,
    /// The platform's work on the catalog.
    Platform,
}

/// Which pool: one for each database and use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PoolKey {
    /// The store's name; none for home.
    pub(crate) store: Option<Arc<str>>,
    /// The tenant whose own database it is; none for the store's.
    pub(crate) tenant: Option<Uuid>,
    pub(crate) purpose: Use,
}

impl PoolKey {
    /// Whether this is the catalog's pool, which has a budget of its own.
    pub(super) fn is_catalog(&self) -> bool {
        self.purpose == Use::Platform && self.store.is_none()
    }

    /// Whether the tables are those that tenants share.
    pub(super) fn is_shared(&self) -> bool {
        self.tenant.is_none()
    }
}

/// A change of a pool's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// When.
    pub at: DateTime<Utc>,
    /// The size before.
    pub from: usize,
    /// The size after.
    pub to: usize,
}

pub(crate) struct Pool {
    pub(super) key: PoolKey,
    pub(super) line: Line,
    /// Those that are not lent out; the last was used last.
    idle: Mutex<Vec<Opened>>,
    source: Source,
    sessions: Sessions,
    /// Who else opens connections: for this pool, and to its server.
    openings: Vec<Arc<Opening>>,
    connections: Weak<Connections>,
    /// Why the last connection could not be opened.
    trouble: watch::Sender<Option<Error>>,
    /// Milliseconds since the registry began.
    last_used: AtomicU64,
    last_scaling: Mutex<Option<Scaling>>,
}

impl Pool {
    pub(super) fn new(
        key: PoolKey,
        (source, sessions): (Source, Sessions),
        openings: Vec<Arc<Opening>>,
        connections: Weak<Connections>,
        limit: usize,
    ) -> Self {
        Self {
            key,
            line: Line::new(limit),
            idle: Mutex::default(),
            source,
            sessions,
            openings,
            connections,
            trouble: watch::Sender::new(None),
            last_used: AtomicU64::new(0),
            last_scaling: Mutex::new(None),
        }
    }

    /// Takes hold of a connection, when it is the caller's turn. Fails at once if none can be opened and there is no other.
    async fn turn(self: &Arc<Self>, asker: Asker) -> Result<Turn, Error> {
        let mut trouble = self.trouble.subscribe();
        let _asking = self.line.ask();
        self.open_missing();
        tokio::select! {
            biased;
            entered = self.line.enter(asker, Instant::now() + WAIT) => entered?,
            error = self.is_cut_off(&mut trouble) => return Err(error),
            never = self.lose_patience() => match never {},
        }
        Ok(Turn { pool: Arc::clone(self), asker, is_lost: false })
    }

    async fn is_cut_off(&self, trouble: &mut watch::Receiver<Option<Error>>) -> Error {
        loop {
            // Cannot fail: the pool has the sender.
            let _ = trouble.changed().await;
            if let (0, Some(error)) = (self.line.open(), &*trouble.borrow_and_update()) {
                return error.clone();
            }
        }
    }

    /// One of those that are not lent out; there is one for each who holds a turn. It is one that this thread drives, if there is one, and
    /// among those the one that was used last: what is not needed can be seen to be idle.
    fn take_idle(&self, connections: &Arc<Connections>) -> Option<(Opened, Option<Abroad>)> {
        let (mut idle, here) = (self.idle(), Driver::here());
        let own = idle.iter().rposition(|opened| opened.driver == here);
        let last = idle.len().checked_sub(1)?;
        let opened = idle.remove(own.unwrap_or(last));
        // Under the lock, for whoever waits until there are none.
        let abroad = Abroad::of(opened.driver, connections);
        Some((opened, abroad))
    }

    /// Gives it back if it is not kept.
    fn keep_idle(&self, opened: Opened, drivers: &Drivers) -> Option<Opened> {
        let mut idle = self.idle();
        if drivers.are_leaving() && !opened.driver.is_home() {
            return Some(opened);
        }
        idle.push(opened);
        None
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Opened>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connections that are open.
    pub(super) fn size(&self) -> usize {
        self.line.open()
    }

    pub(super) fn is_active(&self) -> bool {
        self.line.in_use() + self.line.asking() > 0
    }

    /// Closes connections that are not lent out and have rested for this long, at most so many.
    pub(super) fn close_idle(self: &Arc<Self>, idle: Duration, most: usize) -> usize {
        self.close(|opened| opened.rests_since.elapsed() >= idle, most)
    }

    /// Closes connections that are not lent out and not driven at home.
    pub(super) fn close_foreign(self: &Arc<Self>) {
        self.close(|opened| !opened.driver.is_home(), usize::MAX);
    }

    /// Whether there still are any of those, because somebody is about to take a connection.
    pub(super) fn has_foreign(&self) -> bool {
        self.idle().iter().any(|opened| !opened.driver.is_home())
    }

    fn close(self: &Arc<Self>, which: impl Fn(&Opened) -> bool, most: usize) -> usize {
        let asker = Asker::default();
        let turn = || Turn { pool: Arc::clone(self), asker, is_lost: false };
        let free = std::iter::from_fn(|| self.line.try_enter(asker).then(turn));
        let mut turns: Vec<_> = free.take(most).collect();
        let closed: Vec<_> = self.idle().extract_if(.., |opened| which(opened)).take(turns.len()).collect();
        turns.iter_mut().take(closed.len()).for_each(|turn| turn.is_lost = true);
        closed.len()
    }

    pub(super) fn scale(&self, to: usize) {
        let from = self.line.set_limit(to);
        if from != to {
            *self.last_scaling.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(Scaling { at: crate::resource::now(), from, to });
        }
    }

    pub(super) fn last_scaling(&self) -> Option<Scaling> {
        *self.last_scaling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn touch(&self, now: u64) {
        self.last_used.store(now, Ordering::Relaxed);
    }

    pub(super) fn last_used(&self) -> u64 {
        self.last_used.load(Ordering::Relaxed)
    }
}

/// How long ago the registry began, in milliseconds.
pub(super) fn millis_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
