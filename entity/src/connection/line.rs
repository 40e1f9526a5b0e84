//! Who waits for a connection of one pool: the next in line gets it, be it given back or new. Who that is, is fair between
//! those who ask (`gate.rs`): in tables that tenants share, a tenant that sends many requests at once waits for itself.
//!
//! Whoever waits opens nothing. What is missing is opened beside (`pool.rs`), so that nobody waits for the budget while a
//! connection of the own pool comes free.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::gate::{Asker, Gate};
use crate::error::Error;

pub(super) struct Line {
    /// As many as there are connections.
    gate: Gate,
    state: Mutex<State>,
}

struct State {
    /// To how many connections the pool may grow.
    limit: usize,
    /// Connections that are being opened.
    opening: usize,
    /// Who waits for one.
    asking: usize,
    /// Most that were wanted at once since somebody looked.
    peak: usize,
}

impl Line {
    pub(super) fn new(limit: usize) -> Self {
        Self { gate: Gate::new(0), state: Mutex::new(State { limit, opening: 0, asking: 0, peak: 0 }) }
    }

    /// Connections that are open.
    pub(super) fn open(&self) -> usize {
        self.gate.limit()
    }

    pub(super) fn in_use(&self) -> usize {
        self.gate.in_use()
    }

    pub(super) fn asking(&self) -> usize {
        self.state().asking
    }

    pub(super) fn limit(&self) -> usize {
        self.state().limit
    }

    /// The limit before.
    pub(super) fn set_limit(&self, limit: usize) -> usize {
        std::mem::replace(&mut self.state().limit, limit)
    }

    /// Counts somebody who asks, for as long as the answer lives.
    pub(super) fn ask(&self) -> Asking<'_> {
        let mut state = self.state();
        state.asking += 1;
        state.peak = state.peak.max(self.wanted(&state));
        Asking(self)
    }

    /// How many connections are in use or asked for, and of how many.
    pub(super) fn load(&self) -> (usize, usize) {
        let state = self.state();
        (self.wanted(&state), state.limit)
    }

    /// The greatest load since this was last called.
    pub(super) fn take_peak(&self) -> (usize, usize) {
        let mut state = self.state();
        let now = self.wanted(&state);
        (std::mem::replace(&mut state.peak, now).max(now), state.limit)
    }

    /// How many more connections would be of use now.
    pub(super) fn lacking(&self) -> usize {
        self.lacking_of(&self.state())
    }

    /// How many connections are to be opened now. Whoever is told opens them, and says so or gives up.
    pub(super) fn missing(&self) -> usize {
        let mut state = self.state();
        let missing = self.lacking_of(&state);
        state.opening += missing;
        missing
    }

    pub(super) fn opened(&self) {
        let mut state = self.state();
        state.opening -= 1;
        self.gate.set_limit(self.gate.limit() + 1);
    }

    pub(super) fn gave_up(&self) {
        self.state().opening -= 1;
    }

    /// Takes hold of a connection; [`Line::leave`] or [`Line::lose`] comes after it, whatever happens.
    pub(super) async fn enter(&self, asker: Asker, until: Instant) -> Result<(), Error> {
        tokio::time::timeout_at(until.into(), self.gate.enter(asker)).await.map_err(|_| Error::Busy)
    }

    /// The same, if one is free that nobody waits for.
    pub(super) fn try_enter(&self, asker: Asker) -> bool {
        self.gate.try_enter(asker)
    }

    pub(super) fn leave(&self, asker: Asker) {
        self.gate.leave(asker);
    }

    /// Leaves, and the connection is no more.
    pub(super) fn lose(&self, asker: Asker) {
        let _state = self.state();
        self.gate.set_limit(self.gate.limit().saturating_sub(1));
        self.gate.leave(asker);
    }

    fn lacking_of(&self, state: &State) -> usize {
        self.wanted(state).min(state.limit).saturating_sub(self.gate.limit() + state.opening)
    }

    fn wanted(&self, state: &State) -> usize {
        self.gate.in_use() + state.asking
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits for a connection.
pub(super) struct Asking<'a>(&'a Line);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.state().asking -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(10)
    }

    #[tokio::test]
    async fn no_more_is_opened_than_is_asked_for_and_allowed() {
        let line = Line::new(2);
        let asking = [(); 3].map(|()| line.ask());
        assert_eq!((line.missing(), line.missing()), (2, 0));
        line.opened();
        line.enter(Asker::default(), soon()).await.unwrap();
        assert!(line.enter(Asker::default(), soon()).await.is_err(), "the second is not open yet");
        line.gave_up();
        assert_eq!(line.missing(), 1, "instead of the one that failed");
        line.opened();
        drop(asking);
        line.enter(Asker::default(), soon()).await.unwrap();
        assert_eq!((line.open(), line.in_use(), line.asking(), line.missing()), (2, 2, 0, 0));
        assert_eq!((line.take_peak(), line.take_peak()), ((3, 2), (2, 2)));
    }

    #[tokio::test]
    async fn who_waits_for_a_connection_that_is_lost_gets_a_new_one() {
        let line = Line::new(1);
        let first = line.ask();
        assert_eq!(line.missing(), 1);
        line.opened();
        line.enter(Asker::default(), soon()).await.unwrap();
        drop(first);
        let _second = line.ask();
        assert_eq!(line.missing(), 0, "it waits for the first one's");
        line.lose(Asker::default());
        assert_eq!((line.open(), line.in_use(), line.missing()), (0, 0, 1));
    }
}
