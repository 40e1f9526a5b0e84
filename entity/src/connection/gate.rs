//! How many connections of one pool may be lent out at once: a limit that moves while it is in use.
//!
//! deadpool's own `resize` takes back only what was opened already, and gives it out again when the pool grows: a pool that
//! is opened lazily would end up above its size.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::budget::Counted;
use crate::error::Error;

pub(super) struct Gate {
    free: Semaphore,
    size: Mutex<Size>,
    waiting: AtomicUsize,
}

struct Size {
    limit: usize,
    /// Taken off the limit while it was lent out: to be kept when it comes back.
    owed: usize,
}

impl Gate {
    pub(super) fn new(limit: usize) -> Self {
        let size = Mutex::new(Size { limit, owed: 0 });
        Self { free: Semaphore::new(limit), size, waiting: AtomicUsize::new(0) }
    }

    pub(super) fn limit(&self) -> usize {
        self.size().limit
    }

    pub(super) fn in_use(&self) -> usize {
        let size = self.size();
        (size.limit + size.owed).saturating_sub(self.free.available_permits())
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Goes in, in the order of asking; [`Gate::leave`] comes after it, whatever happens.
    pub(super) async fn enter(&self, wait: Duration) -> Result<(), Error> {
        if let Ok(permit) = self.free.try_acquire() {
            permit.forget();
            return Ok(());
        }
        let _waiting = Counted::new(&self.waiting);
        match tokio::time::timeout(wait, self.free.acquire()).await {
            Ok(Ok(permit)) => {
                permit.forget();
                Ok(())
            }
            _ => Err(Error::Busy),
        }
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

    fn size(&self) -> std::sync::MutexGuard<'_, Size> {
        self.size.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(10);

    async fn fill(gate: &Gate) -> usize {
        let mut entered = 0;
        while gate.enter(SOON).await.is_ok() {
            entered += 1;
        }
        entered
    }

    #[tokio::test]
    async fn a_limit_that_moves_is_kept() {
        let gate = Gate::new(5);
        gate.set_limit(1);
        gate.set_limit(3);
        assert_eq!((fill(&gate).await, gate.in_use()), (3, 3));
        gate.set_limit(2);
        assert_eq!((gate.limit(), gate.in_use()), (2, 3), "what is lent out stays lent out");
        gate.leave();
        assert_eq!(fill(&gate).await, 0, "what came back is kept");
        gate.set_limit(4);
        assert_eq!((fill(&gate).await, gate.in_use()), (2, 4));
        (0..4).for_each(|_| gate.leave());
        assert_eq!((gate.in_use(), fill(&gate).await), (0, 4));
    }
}
