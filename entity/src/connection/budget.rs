//! How many connections may be open: one permit for each, from before it is opened until after it is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;

/// The right to have one connection open.
pub(crate) type Permit = OwnedSemaphorePermit;

/// A number of connections, shared by pools. Whoever waits for a permit gets it in the order of asking.
pub(crate) struct Budget {
    permits: Arc<Semaphore>,
    limit: usize,
    wanting: AtomicUsize,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(limit)), limit, wanting: AtomicUsize::new(0) }
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

    pub(super) fn take_now(&self) -> Option<Permit> {
        Arc::clone(&self.permits).try_acquire_owned().ok()
    }

    /// Counts somebody who wants a permit, for as long as the answer lives.
    pub(super) fn want(&self) -> Counted<'_> {
        Counted::new(&self.wanting)
    }

    /// The next permit.
    pub(super) async fn take(&self) -> Result<Permit, Error> {
        Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Busy)
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
