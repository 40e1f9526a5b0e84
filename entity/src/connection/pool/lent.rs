//! A connection that somebody holds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Pool;
use crate::connection::drivers::Abroad;
use crate::connection::gate::Asker;
use crate::connection::opened::Opened;
use crate::connection::{Connection, Connections};
use crate::error::Error;

/// The hold on one of a pool's connections, until this is dropped.
pub(super) struct Turn {
    pub(super) pool: Arc<Pool>,
    pub(super) asker: Asker,
    /// Whether the connection is no more.
    pub(super) is_lost: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.is_lost {
            self.pool.line.lose(self.asker);
            // For whoever waits for this one.
            self.pool.open_missing();
        } else {
            self.pool.line.leave(self.asker);
        }
    }
}

/// A connection that is lent out. When it is dropped it goes back to its pool or, where others are short of one, to them.
pub(crate) struct Pooled {
    opened: Option<Box<Opened>>,
    turn: Option<Turn>,
    connections: Arc<Connections>,
    lent: Instant,
    _abroad: Option<Abroad>,
}

impl Pooled {
    /// The pool's next connection, when it is the asker's turn.
    pub(in crate::connection) async fn get(
        pool: &Arc<Pool>,
        asker: Asker,
        connections: &Arc<Connections>,
    ) -> Result<Self, Error> {
        let turn = pool.turn(asker).await?;
        let taken = pool.take_idle(connections);
        let (opened, abroad) = taken.ok_or_else(|| Error::Internal("a turn without a connection".to_owned()))?;
        Ok(Self {
            opened: Some(Box::new(opened)),
            turn: Some(turn),
            connections: Arc::clone(connections),
            lent: Instant::now(),
            _abroad: abroad,
        })
    }

    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        self.opened.as_deref_mut().map(Opened::connection)
    }

    /// How long it rested before it was lent.
    pub(crate) fn rested(&self) -> Duration {
        self.opened.as_ref().map_or(Duration::ZERO, |opened| self.lent.duration_since(opened.rests_since))
    }

    /// Closes it: nobody knows what state it is in. Until it is closed, it counts as in use, or whoever breaks off many
    /// requests would take the connections of others.
    pub(crate) fn discard(mut self) {
        if let (Some(mut opened), Some(mut turn)) = (self.opened.take(), self.turn.take()) {
            turn.is_lost = true;
            opened.is_unclear = true;
            opened.held = Some(Box::new(turn));
        }
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let (Some(mut opened), Some(turn)) = (self.opened.take(), &mut self.turn) else { return };
        opened.rests_since = Instant::now();
        turn.is_lost = self.connections.is_wanted_elsewhere(&turn.pool, opened.since)
            || turn.pool.keep_idle(*opened, &self.connections.drivers).is_some();
    }
}
