//! A connection that is open, with its permit. However it is dropped, it is closed, and the permit is given back after that.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::Connection;
use super::binding::LOOKS_FOR_CLIENT;
use super::budget::Permit;
use super::drivers::Driver;
use crate::error::{Error, Keys};

use super::opening::{CREATE, Slot};

/// How long a server's process may live on after its client has said good-bye.
const FAREWELL: Duration = Duration::from_millis(20);

/// Longest that saying good-bye may take.
const LEAVING: Duration = Duration::from_secs(1);

pub(crate) struct Opened {
    connection: Option<Connection>,
    permit: Option<Permit>,
    runtime: Handle,
    pub(super) driver: Driver,
    /// When this pool got hold of it.
    pub(super) since: Instant,
    /// When it was given back last.
    pub(super) rests_since: Instant,
    /// Whether it may be in the middle of something.
    pub(super) is_unclear: bool,
    /// What comes free only after it is closed, like its permit.
    pub(super) held: Option<Box<dyn Send + Sync>>,
}

impl Opened {
    fn new(connection: Connection, driver: Driver, permit: Permit, runtime: Handle) -> Self {
        let now = Instant::now();
        Self {
            connection: Some(connection),
            permit: Some(permit),
            runtime,
            driver,
            since: now,
            rests_since: now,
            is_unclear: false,
            held: None,
        }
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a connection until it is dropped")
    }

    /// Opens a connection that one runtime drives, and the other closes. It is closed, and the permit given back, also if nobody waits
    /// for it any more.
    pub(super) async fn open(
        (driving, driver): (Handle, Driver),
        runtime: &Handle,
        connecting: impl Future<Output = Result<Connection, sqlx::Error>> + Send + 'static,
        permit: Permit,
        slots: Vec<Slot>,
    ) -> Result<Self, Error> {
        let handle = runtime.clone();
        let opening = driving.spawn(async move {
            let opened = tokio::time::timeout(CREATE, connecting).await;
            slots.iter().for_each(|slot| if opened.is_ok() { slot.answered() } else { slot.was_not_answered() });
            opened.map(|opened| opened.map(|connection| Self::new(connection, driver, permit, handle)))
        });
        match opening.await {
            Ok(Ok(Ok(opened))) => Ok(opened),
            Ok(Ok(Err(error))) => Err(Error::from_sqlx(&error, Keys::default())),
            Ok(Err(_)) => Err(Error::Unavailable("no answer to a new connection".to_owned())),
            Err(_) => Err(Error::Unavailable("the runtime has ended".to_owned())),
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let (Some(connection), Some(mut permit)) = (self.connection.take(), self.permit.take()) else { return };
        let (is_unclear, held) = (self.is_unclear, self.held.take());
        permit.returns();
        self.runtime.spawn(async move {
            let outlives = match (connection.is_server(), is_unclear) {
                (false, _) => Duration::ZERO,
                (true, false) => FAREWELL,
                // In the middle of a statement, the server finds out only when it looks.
                (true, true) => LOOKS_FOR_CLIENT + FAREWELL,
            };
            let _ = tokio::time::timeout(LEAVING, connection.close(is_unclear)).await;
            tokio::time::sleep(outlives).await;
            drop((permit, held));
        });
    }
}
