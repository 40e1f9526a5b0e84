//! How many connections may be open: one permit for each, from before it is opened until after it is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, Semaphore};

/// A number of connections, shared by pools. Whoever waits for a permit gets it in the order of asking.
pub(crate) struct Budget {
    permits: Semaphore,
    limit: usize,
    wanting: AtomicUsize,
    returning: AtomicUsize,
    wanted: Notify,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            permits: Semaphore::new(limit),
            limit,
            wanting: AtomicUsize::new(0),
            returning: AtomicUsize::new(0),
            wanted: Notify::new(),
        })
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// How many connections are open or being opened or closed.
    pub(super) fn used(&self) -> usize {
        self.limit.saturating_sub(self.permits.available_permits())
    }

    /// How many wait for a permit.
    pub(super) fn wanting(&self) -> usize {
        self.wanting.load(Ordering::Relaxed)
    }

    /// How many wait for a permit that nobody is about to give back.
    pub(super) fn short(&self) -> usize {
        self.wanting().saturating_sub(self.returning.load(Ordering::Relaxed))
    }

    /// Comes back when somebody has begun to wait.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Whether a permit is left. Not if any is waited for.
    pub(super) fn has_spare(&self) -> bool {
        self.permits.available_permits() > 0
    }

    /// A permit, if one is left.
    pub(super) fn try_take(self: &Arc<Self>) -> Option<Permit> {
        self.permits.try_acquire().ok()?.forget();
        Some(Permit { budget: Arc::clone(self), is_returning: false })
    }

    /// The next permit. Whoever no longer waits for it has not taken it.
    pub(super) async fn take(self: &Arc<Self>) -> Permit {
        if let Some(permit) = self.try_take() {
            return permit;
        }
        let _wanting = Counted::new(&self.wanting);
        self.wanted.notify_one();
        // Is never closed.
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
        Permit { budget: Arc::clone(self), is_returning: false }
    }
}

/// The right to have one connection open.
pub(crate) struct Permit {
    budget: Arc<Budget>,
    is_returning: bool,
}

impl Permit {
    /// Says that this will come free in a moment.
    pub(super) fn returns(&mut self) {
        if !self.is_returning {
            self.is_returning = true;
            self.budget.returning.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_returning {
            self.budget.returning.fetch_sub(1, Ordering::Relaxed);
        }
        self.budget.permits.add_permits(1);
    }
}

/// Counts somebody for as long as this lives.
pub(super) struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    pub(super) fn new(counter: &'a AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_permit_that_nobody_waits_for_any_more_is_not_lost() {
        let budget = Budget::new(1);
        let mut first = budget.take().await;
        assert!(tokio::time::timeout(Duration::from_millis(10), budget.take()).await.is_err());
        assert_eq!((budget.used(), budget.wanting(), budget.short()), (1, 0, 0));

        let waiting = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.take().await }
        });
        budget.wanted().await;
        while budget.wanting() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(budget.short(), 1);
        first.returns();
        assert_eq!(budget.short(), 0, "one is on its way");
        drop(first);
        let second = waiting.await.unwrap();
        assert_eq!((budget.used(), budget.wanting()), (1, 0));
        drop(second);
        assert_eq!(budget.used(), 0);
    }
}
