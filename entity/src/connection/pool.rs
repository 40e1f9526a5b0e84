//! Pools over deadpool: a plain queue of connections, without a ping on release or checkout.

use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, PoolError, RecycleResult, TimeoutType};

use sea_orm::DbBackend;
use tokio::runtime::Handle;

use super::{Connection, Source};
use crate::Error;

/// How long a request waits for a free connection before it is told that the database is busy.
const WAIT: Duration = Duration::from_secs(5);

/// How long a new connection may take.
const CREATE: Duration = Duration::from_secs(5);

pub(crate) type Pool = managed::Pool<Manager>;
pub(crate) type Pooled = managed::Object<Manager>;

/// Opens connections for deadpool, on the runtime that opened the database.
///
/// A socket belongs to the runtime on which it was opened and dies with it. A web server's workers have runtimes of their own
/// that end one by one while it stops; a connection must outlive them, because a request on another worker may hold it.
pub(crate) struct Manager {
    source: Source,
    runtime: Handle,
}

impl Manager {
    pub(crate) fn backend(&self) -> DbBackend {
        self.source.backend()
    }
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Connection, sqlx::Error> {
        let source = self.source.clone();
        let opened = self.runtime.spawn(async move { source.connect().await }).await;
        opened.map_err(|_| sqlx::Error::WorkerCrashed)?
    }

    /// Only clean connections come back (see [`Lease`](super::Lease)); one that died meanwhile shows when it is bound.
    async fn recycle(&self, _: &mut Connection, _: &Metrics) -> RecycleResult<sqlx::Error> {
        Ok(())
    }
}

/// What a transaction is going to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// The connections of one role in one database.
#[derive(Clone)]
pub(crate) struct Pools {
    pub(crate) source: Source,
    readers: Pool,
    writers: Pool,
}

impl Pools {
    pub(crate) fn new(source: Source, size: usize) -> Self {
        let readers = pool(source.clone(), size);
        let writers = match &source {
            Source::Postgres(_) => readers.clone(),
            // SQLite has one writer at a time. Waiting for it here is fair; waiting in SQLite is a lottery.
            Source::Sqlite(_) => pool(source.clone(), 1),
        };
        Self { source, readers, writers }
    }

    pub(crate) fn of(&self, access: Access) -> &Pool {
        match access {
            Access::Read => &self.readers,
            Access::Write => &self.writers,
        }
    }
}

fn pool(source: Source, size: usize) -> Pool {
    let built = Pool::builder(Manager { source, runtime: Handle::current() })
        .max_size(size)
        .wait_timeout(Some(WAIT))
        .create_timeout(Some(CREATE))
        .runtime(Runtime::Tokio1)
        .build();
    built.expect("a runtime is given, and nothing else can be missing")
}

pub(crate) fn error(error: PoolError<sqlx::Error>) -> Error {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => Error::Busy,
        PoolError::Timeout(_) => Error::Unavailable("no answer to a new connection".to_owned()),
        PoolError::Backend(error) => Error::from_sqlx(&error, crate::error::Keys::default()),
        other => Error::Internal(other.to_string()),
    }
}
