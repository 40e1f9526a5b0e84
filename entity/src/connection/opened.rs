//! A connection that is open, with its permit. However it is dropped, it is closed, and the permit is given back after that.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::Connection;
use super::budget::Permit;

/// How long a server's process may live on after its client has said good-bye.
const FAREWELL: Duration = Duration::from_millis(50);
/// The same, when it was left in the middle of something.
const HARD_FAREWELL: Duration = Duration::from_secs(1);

pub(crate) struct Opened {
    connection: Option<Connection>,
    permit: Option<Permit>,
    runtime: Handle,
    /// When this pool got hold of it.
    pub(super) since: Instant,
    /// Whether it may be in the middle of something.
    pub(super) is_unclear: bool,
}

impl Opened {
    pub(super) fn new(connection: Connection, permit: Permit, runtime: Handle) -> Self {
        Self { connection: Some(connection), permit: Some(permit), runtime, since: Instant::now(), is_unclear: false }
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a connection until it is dropped")
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let (Some(connection), permit) = (self.connection.take(), self.permit.take()) else { return };
        let is_unclear = self.is_unclear;
        self.runtime.spawn(async move {
            let outlives =
                if connection.is_server() { if is_unclear { HARD_FAREWELL } else { FAREWELL } } else { Duration::ZERO };
            let _ = tokio::time::timeout(HARD_FAREWELL, connection.close(is_unclear)).await;
            tokio::time::sleep(outlives).await;
            drop(permit);
        });
    }
}
