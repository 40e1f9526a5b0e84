//! Turns: so many at a time, and whoever comes later waits a little.
//!
//! For long work whose pace somebody outside sets, each with connections of its own: slow clients must not take all there are.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;

/// How long to wait for a turn.
const WAIT: Duration = Duration::from_secs(5);

/// Work of one kind.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Semaphore>);

/// One at work, for as long as this lives.
pub(crate) struct Turn(#[expect(dead_code, reason = "is held, not used")] OwnedSemaphorePermit);

impl Turns {
    /// So many at a time, one at least.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most.max(1))))
    }

    /// The next turn, in the order of asking.
    pub(crate) async fn turn(&self) -> Result<Turn, Error> {
        let turn = tokio::time::timeout(WAIT, Arc::clone(&self.0).acquire_owned()).await;
        turn.map_err(|_| Error::Busy)?.map(Turn).map_err(|_| Error::Busy)
    }
}
