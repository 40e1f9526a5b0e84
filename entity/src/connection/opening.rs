//! Who opens connections, a few at a time.
//!
//! Opening one takes milliseconds, or seconds where nobody answers. Whoever waits for such a server must hold little of the
//! budget, or a server that is down would stop all the others.

use std::sync::Arc;
use std::time::Duration;

use super::gate::{Asker, Gate};

/// How long a new connection may take.
pub(crate) const CREATE: Duration = Duration::from_secs(4);

/// Those who open connections to one server, or for one pool: many at a time while it answers, few after it did not.
pub(super) struct Opening {
    gate: Gate,
    many: usize,
    few: usize,
}

impl Opening {
    pub(super) fn new(many: usize, few: usize) -> Arc<Self> {
        Arc::new(Self { gate: Gate::new(many), many, few })
    }

    /// The same, where nobody knows yet whether it answers.
    pub(super) fn doubtful(many: usize, few: usize) -> Arc<Self> {
        Arc::new(Self { gate: Gate::new(few), many, few })
    }

    /// The next slot, in the order of asking.
    pub(super) async fn enter(self: &Arc<Self>) -> Slot {
        self.gate.enter(Asker::default()).await;
        Slot(Arc::clone(self))
    }
}

/// Somebody who opens a connection.
pub(super) struct Slot(Arc<Opening>);

impl Slot {
    pub(super) fn answered(&self) {
        self.0.gate.set_limit(self.0.many);
    }

    pub(super) fn was_not_answered(&self) {
        self.0.gate.set_limit(self.0.few);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.gate.leave(Asker::default());
    }
}
