//! How many may be inside at once, in the order of asking: a limit that moves while it is in use.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

pub(super) struct Gate {
    free: Semaphore,
    size: Mutex<Size>,
}

struct Size {
    limit: usize,
    /// Taken off the limit while it was lent out: to be kept when it comes back.
    owed: usize,
}

impl Gate {
    pub(super) fn new(limit: usize) -> Self {
        let size = Mutex::new(Size { limit, owed: 0 });
        Self { free: Semaphore::new(limit), size }
    }

    pub(super) fn limit(&self) -> usize {
        self.size().limit
    }

    pub(super) fn in_use(&self) -> usize {
        let size = self.size();
        (size.limit + size.owed).saturating_sub(self.free.available_permits())
    }

    /// Goes in, in the order of asking; [`Gate::leave`] comes after it, whatever happens.
    pub(super) async fn enter(&self) {
        // Is never closed.
        if let Ok(permit) = self.free.acquire().await {
            permit.forget();
        }
    }

    /// Goes in if nobody waits.
    pub(super) fn try_enter(&self) -> bool {
        self.free.try_acquire().map(SemaphorePermit::forget).is_ok()
    }

    pub(super) fn leave(&self) {
        let mut size = self.size();
        if size.owed > 0 {
            size.owed -= 1;
        } else {
            self.free.add_permits(1);
        }
    }

    pub(super) fn set_limit(&self, limit: usize) {
        let mut size = self.size();
        if limit < size.limit {
            let less = size.limit - limit;
            size.owed += less - self.free.forget_permits(less);
        } else {
            let more = limit - size.limit;
            let paid = more.min(size.owed);
            size.owed -= paid;
            self.free.add_permits(more - paid);
        }
        size.limit = limit;
    }

    fn size(&self) -> MutexGuard<'_, Size> {
        self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn fill(gate: &Gate) -> usize {
        std::iter::from_fn(|| gate.try_enter().then_some(())).count()
    }

    #[test]
    fn a_limit_that_moves_is_kept() {
        let gate = Gate::new(5);
        gate.set_limit(1);
        gate.set_limit(3);
        assert_eq!((fill(&gate), gate.in_use()), (3, 3));
        gate.set_limit(2);
        assert_eq!((gate.limit(), gate.in_use()), (2, 3), "what is inside stays inside");
        gate.leave();
        assert_eq!(fill(&gate), 0, "what came back is kept");
        gate.set_limit(4);
        assert_eq!((fill(&gate), gate.in_use()), (2, 4));
        (0..4).for_each(|_| gate.leave());
        assert_eq!((gate.in_use(), fill(&gate)), (0, 4));
    }

    #[tokio::test]
    async fn who_gives_up_waiting_takes_no_place() {
        let gate = Gate::new(1);
        gate.enter().await;
        assert!(tokio::time::timeout(Duration::from_millis(10), gate.enter()).await.is_err());
        assert_eq!(gate.in_use(), 1);
        gate.leave();
        assert_eq!(fill(&gate), 1);
    }
}
