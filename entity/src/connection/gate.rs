//! How many may be inside at once: a limit that moves while it is in use, and a fair queue before it.
//!
//! Whoever waits is served by *asker*, which for most is a tenant: the next to go in is of the asker that has the fewest
//! inside, by turns where several have as few, and for one asker in the order of asking. So a crowd of one asker waits for
//! itself, and somebody who comes alone is next.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// On whose behalf somebody waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Asker(u64);

impl Asker {
    /// Whoever can be told by this. Two that happen to have the same number share a line, no more.
    pub(crate) fn of(one: &impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        one.hash(&mut hasher);
        Self(hasher.finish())
    }
}

pub(super) struct Gate(Mutex<State>);

#[derive(Default)]
struct State {
    limit: usize,
    /// How many are inside: more than the limit for a while after that was lowered.
    in_use: usize,
    /// How many of each asker; nobody who has none.
    inside: HashMap<Asker, usize>,
    lines: HashMap<Asker, VecDeque<oneshot::Sender<()>>>,
    /// The askers that have a line, the one served last behind.
    turns: VecDeque<Asker>,
}

impl Gate {
    pub(super) fn new(limit: usize) -> Self {
        Self(Mutex::new(State { limit, ..State::default() }))
    }

    pub(super) fn limit(&self) -> usize {
        self.state().limit
    }

    pub(super) fn in_use(&self) -> usize {
        self.state().in_use
    }

    /// Goes in, when it is the asker's turn; [`Gate::leave`] comes after it, whatever happens.
    pub(super) async fn enter(&self, asker: Asker) {
        let Some(mut waiting) = self.wait(asker) else { return };
        // The sender is dropped only with the gate.
        let _ = (&mut waiting.told).await;
        waiting.is_inside = true;
    }

    /// Goes in at once, or stands in line. Nobody stands in line while there is room.
    fn wait(&self, asker: Asker) -> Option<Waiting<'_>> {
        let mut state = self.state();
        if state.in_use < state.limit {
            state.admit(asker);
            return None;
        }
        let (tell, told) = oneshot::channel();
        Some(Waiting { gate: self, asker, told: state.line_up(asker, tell, told), is_inside: false })
    }

    /// Goes in if there is room.
    pub(super) fn try_enter(&self, asker: Asker) -> bool {
        let mut state = self.state();
        let has_room = state.in_use < state.limit;
        if has_room {
            state.admit(asker);
        }
        has_room
    }

    pub(super) fn leave(&self, asker: Asker) {
        let mut state = self.state();
        state.release(asker);
        state.fill();
    }

    pub(super) fn set_limit(&self, limit: usize) {
        let mut state = self.state();
        state.limit = limit;
        state.fill();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn admit(&mut self, asker: Asker) {
        self.in_use += 1;
        *self.inside.entry(asker).or_default() += 1;
    }

    fn release(&mut self, asker: Asker) {
        self.in_use = self.in_use.saturating_sub(1);
        if let Some(inside) = self.inside.get_mut(&asker) {
            *inside -= 1;
            if *inside == 0 {
                self.inside.remove(&asker);
            }
        }
    }

    fn line_up(
        &mut self,
        asker: Asker,
        tell: oneshot::Sender<()>,
        told: oneshot::Receiver<()>,
    ) -> oneshot::Receiver<()> {
        let line = self.lines.entry(asker).or_default();
        if line.is_empty() {
            self.turns.push_back(asker);
        }
        line.push_back(tell);
        told
    }

    /// Lets in whoever is next, for as long as there is room. Who no longer waits is passed over.
    fn fill(&mut self) {
        while self.in_use < self.limit {
            let Some((asker, next)) = self.next() else { return };
            if next.send(()).is_ok() {
                self.admit(asker);
            }
        }
    }

    /// Takes those off the asker's line who no longer wait. From the front alone: all wait for as long, so whoever came first
    /// gives up first, and nobody's leaving costs more for there being many.
    fn forget_gone(&mut self, asker: Asker) {
        let Some(line) = self.lines.get_mut(&asker) else { return };
        while line.front().is_some_and(oneshot::Sender::is_closed) {
            line.pop_front();
        }
        if line.is_empty() {
            self.lines.remove(&asker);
            self.turns.retain(|one| *one != asker);
        }
    }

    fn next(&mut self) -> Option<(Asker, oneshot::Sender<()>)> {
        let inside = |asker: &Asker| self.inside.get(asker).copied().unwrap_or_default();
        let (at, _) = self.turns.iter().enumerate().min_by_key(|(_, asker)| inside(asker))?;
        let asker = self.turns.remove(at)?;
        let line = self.lines.get_mut(&asker)?;
        let next = line.pop_front()?;
        if line.is_empty() {
            self.lines.remove(&asker);
        } else {
            self.turns.push_back(asker);
        }
        Some((asker, next))
    }
}

/// Somebody in line.
struct Waiting<'a> {
    gate: &'a Gate,
    asker: Asker,
    told: oneshot::Receiver<()>,
    is_inside: bool,
}

impl Drop for Waiting<'_> {
    /// Whoever gives up leaves the line; or makes room again, if it was let in just then.
    fn drop(&mut self) {
        if self.is_inside {
            return;
        }
        self.told.close();
        match self.told.try_recv() {
            Ok(()) => self.gate.leave(self.asker),
            Err(_) => self.gate.state().forget_gone(self.asker),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    const A: Asker = Asker(1);
    const B: Asker = Asker(2);

    fn fill(gate: &Gate) -> usize {
        std::iter::from_fn(|| gate.try_enter(A).then_some(())).count()
    }

    #[test]
    fn a_limit_that_moves_is_kept() {
        let gate = Gate::new(5);
        gate.set_limit(1);
        gate.set_limit(3);
        assert_eq!((fill(&gate), gate.in_use()), (3, 3));
        gate.set_limit(2);
        assert_eq!((gate.limit(), gate.in_use()), (2, 3), "what is inside stays inside");
        gate.leave(A);
        assert_eq!(fill(&gate), 0, "what came back is kept");
        gate.set_limit(4);
        assert_eq!((fill(&gate), gate.in_use()), (2, 4));
        (0..4).for_each(|_| gate.leave(A));
        assert_eq!((gate.in_use(), fill(&gate)), (0, 4));
    }

    #[tokio::test]
    async fn who_gives_up_waiting_takes_no_place() {
        let gate = Gate::new(1);
        gate.enter(A).await;
        assert!(tokio::time::timeout(Duration::from_millis(10), gate.enter(A)).await.is_err());
        let told_too_late = gate.wait(A).unwrap();
        gate.leave(A);
        assert_eq!(gate.in_use(), 1, "it was let in");
        drop(told_too_late);
        assert_eq!((gate.in_use(), fill(&gate)), (0, 1));
    }

    #[test]
    fn who_gives_up_leaves_the_line() {
        let gate = Gate::new(0);
        let waiting: Vec<_> = (0..1_000).map(|number| gate.wait(Asker(number % 10)).unwrap()).collect();
        let last = gate.wait(A).unwrap();
        let waits = |gate: &Gate| {
            let state = gate.state();
            (state.lines.len(), state.turns.len())
        };
        drop(waiting);
        assert_eq!(waits(&gate), (1, 1), "who still waits is there");
        drop(last);
        assert_eq!(waits(&gate), (0, 0));
    }

    #[tokio::test]
    async fn a_crowd_waits_for_itself() {
        let (gate, order) = (Arc::new(Gate::new(1)), Arc::new(Mutex::new(Vec::new())));
        gate.enter(A).await;
        let come = |asker| {
            let (gate, order) = (Arc::clone(&gate), Arc::clone(&order));
            tokio::spawn(async move {
                gate.enter(asker).await;
                order.lock().unwrap().push(asker);
                gate.leave(asker);
            })
        };
        let mut tasks: Vec<_> = (0..20).map(|_| come(A)).collect();
        tokio::task::yield_now().await;
        tasks.extend([come(B), come(Asker(3))]);
        tokio::task::yield_now().await;
        gate.leave(A);
        for task in tasks {
            task.await.unwrap();
        }
        let order = order.lock().unwrap();
        let place = |asker| order.iter().position(|one| *one == asker).unwrap();
        assert!(place(B) <= 1 && place(Asker(3)) <= 2, "{order:?}");
    }

    #[tokio::test]
    async fn who_holds_most_is_served_last() {
        let gate = Gate::new(3);
        for asker in [A, A, B] {
            gate.enter(asker).await;
        }
        let (a, b) = (gate.wait(A).unwrap(), gate.wait(B).unwrap());
        gate.leave(A);
        // Each has one: it is A's turn, which has waited longer.
        gate.leave(B);
        let inside = |mut waiting: Waiting<'_>| waiting.told.try_recv().is_ok();
        assert!(inside(a) && inside(b));
    }
}
