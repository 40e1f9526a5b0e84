//! A connection that somebody holds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool::managed::Object;

use super::{Manager, Pool};
use crate::connection::gate::Asker;
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
    object: Option<Box<Object<Manager>>>,
    turn: Option<Turn>,
    connections: Arc<Connections>,
    lent: Instant,
}

impl Pooled {
    /// The pool's next connection, when it is the asker's turn.
    pub(in crate::connection) async fn get(
        pool: &Arc<Pool>,
        asker: Asker,
        connections: &Arc<Connections>,
    ) -> Result<Self, Error> {
        let turn = pool.turn(asker).await?;
        let object = pool.object().await?;
        let lent = Instant::now();
        Ok(Self { object: Some(Box::new(object)), turn: Some(turn), connections: Arc::clone(connections), lent })
    }

    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        self.object.as_deref_mut().map(|object| object.connection())
    }

    /// How long it rested before it was lent.
    pub(crate) fn rested(&self) -> Duration {
        self.object.as_ref().map_or(Duration::ZERO, |object| self.lent.duration_since(object.rests_since))
    }

    /// Closes it: nobody knows what state it is in. Until it is closed, it counts as in use, or whoever breaks off many
    /// requests would take the connections of others.
    pub(crate) fn discard(mut self) {
        if let (Some(object), Some(mut turn)) = (self.object.take(), self.turn.take()) {
            let mut opened = Object::take(*object);
            turn.is_lost = true;
            opened.is_unclear = true;
            opened.held = Some(Box::new(turn));
        }
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let (Some(mut object), Some(turn)) = (self.object.take(), &mut self.turn) else { return };
        if self.connections.is_wanted_elsewhere(&turn.pool, object.since) {
            turn.is_lost = true;
            drop(Object::take(*object));
        } else {
            object.rests_since = Instant::now();
        }
    }
}
