//! One pool: a plain queue of connections by deadpool, without a ping on release or checkout, behind a gate that says how
//! many may be lent out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, RecycleResult};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::gate::Gate;
use super::opened::Opened;
use super::{Connection, Connections, Source};
use crate::error::{Error, Keys};

/// How long a request waits for its turn, and then for a free connection, before it is told that the database is busy.
pub(super) const WAIT: Duration = Duration::from_secs(5);

/// How long a new connection may take.
const CREATE: Duration = Duration::from_secs(5);

/// After this long, a connection that others wait for goes to them even if its own pool has more to do.
const SLICE: Duration = Duration::from_millis(100);

/// What a pool's connections are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Use {
    /// Answering requests; on SQLite, reading.
    Serving,
    /// Writing to an SQLite file, which has one writer at a time. Waiting for it here is fair; waiting in SQLite is a
    /// lottery.
    Writing,
    /// The platform's work on the catalog.
    Platform,
}

/// Which pool: one for each database and use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PoolKey {
    /// The store's name; none for home.
    pub(crate) store: Option<Arc<str>>,
    /// The tenant whose own database it is; none for the store's.
    pub(crate) tenant: Option<Uuid>,
    pub(crate) purpose: Use,
}

/// A change of a pool's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// When.
    pub at: DateTime<Utc>,
    /// The size before.
    pub from: usize,
    /// The size after.
    pub to: usize,
}

pub(crate) struct Pool {
    pub(super) key: PoolKey,
    pub(super) gate: Gate,
    objects: managed::Pool<Manager>,
    /// Milliseconds since the registry began.
    last_used: AtomicU64,
    last_scaling: Mutex<Option<Scaling>>,
}

impl Pool {
    pub(super) fn new(
        key: PoolKey,
        source: Source,
        connections: &Weak<Connections>,
        limit: usize,
        most: usize,
    ) -> Self {
        let manager = Manager {
            is_platform: key.purpose == Use::Platform,
            source,
            runtime: Handle::current(),
            connections: Weak::clone(connections),
        };
        let built = managed::Pool::builder(manager).max_size(most).runtime(Runtime::Tokio1).build();
        Self {
            key,
            gate: Gate::new(limit),
            objects: built.expect("a runtime is given, and nothing else can be missing"),
            last_used: AtomicU64::new(0),
            last_scaling: Mutex::new(None),
        }
    }

    pub(super) async fn get(self: &Arc<Self>) -> Result<Object<Manager>, Error> {
        match self.objects.get().await {
            Ok(object) => Ok(object),
            Err(PoolError::Backend(error)) => Err(error),
            Err(other) => Err(Error::Internal(other.to_string())),
        }
    }

    /// Connections that are open.
    pub(super) fn size(&self) -> usize {
        self.objects.status().size
    }

    pub(super) fn is_active(&self) -> bool {
        self.gate.in_use() + self.gate.waiting() > 0
    }

    /// Closes connections that are not lent out: those that were not used for this long, at most so many.
    pub(super) fn close_idle(&self, idle: Duration, most: usize) -> usize {
        let mut left = most;
        let closed = self.objects.retain(|_, metrics| {
            let closes = left > 0 && metrics.last_used() >= idle;
            left -= usize::from(closes);
            !closes
        });
        closed.removed.len()
    }

    pub(super) fn scale(&self, to: usize) {
        let from = self.gate.limit();
        if from != to {
            self.gate.set_limit(to);
            *self.last_scaling.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(Scaling { at: crate::resource::now(), from, to });
        }
    }

    pub(super) fn last_scaling(&self) -> Option<Scaling> {
        *self.last_scaling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn touch(&self, now: u64) {
        self.last_used.store(now, Ordering::Relaxed);
    }

    pub(super) fn last_used(&self) -> u64 {
        self.last_used.load(Ordering::Relaxed)
    }
}

/// A connection that is lent out. When it is dropped it goes back to its pool or, where others are short of one, to them.
pub(crate) struct Pooled {
    object: Option<Object<Manager>>,
    pool: Arc<Pool>,
    connections: Arc<Connections>,
}

impl Pooled {
    pub(super) fn new(object: Object<Manager>, pool: Arc<Pool>, connections: Arc<Connections>) -> Self {
        Self { object: Some(object), pool, connections }
    }

    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        self.object.as_deref_mut().map(Opened::connection)
    }

    /// Closes it: nobody knows what state it is in.
    pub(crate) fn discard(mut self) {
        if let Some(object) = self.object.take() {
            let mut opened = Object::take(object);
            opened.is_unclear = true;
        }
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            let overstays = object.since.elapsed() > SLICE;
            if self.connections.is_wanted_elsewhere(&self.pool, overstays) {
                drop(Object::take(object));
            }
        }
        self.pool.gate.leave();
    }
}

/// Opens connections for deadpool, on the runtime that opened the database.
///
/// A socket belongs to the runtime on which it was opened and dies with it. A web server's workers have runtimes of their own
/// that end one by one while it stops; a connection must outlive them, because a request on another worker may hold it.
pub(super) struct Manager {
    source: Source,
    is_platform: bool,
    runtime: Handle,
    connections: Weak<Connections>,
}

impl managed::Manager for Manager {
    type Type = Opened;
    type Error = Error;

    async fn create(&self) -> Result<Opened, Error> {
        let connections = self.connections.upgrade().ok_or(Error::Busy)?;
        let permit = connections.permit(self.is_platform).await?;
        let source = self.source.clone();
        open(&self.runtime, source, permit).await
    }

    /// Only clean connections come back (see [`Lease`](super::Lease)); one that died meanwhile shows when it is bound.
    async fn recycle(&self, _: &mut Opened, _: &Metrics) -> RecycleResult<Error> {
        Ok(())
    }
}

/// Opens a connection on the runtime. It is closed, and the permit given back, also if nobody waits for it any more.
pub(super) async fn open(runtime: &Handle, source: Source, permit: super::budget::Permit) -> Result<Opened, Error> {
    let handle = runtime.clone();
    let opening = runtime.spawn(async move {
        let opened = tokio::time::timeout(CREATE, source.connect()).await;
        opened.map(|opened| opened.map(|connection| Opened::new(connection, permit, handle)))
    });
    match opening.await {
        Ok(Ok(Ok(opened))) => Ok(opened),
        Ok(Ok(Err(error))) => Err(Error::from_sqlx(&error, Keys::default())),
        Ok(Err(_)) => Err(Error::Unavailable("no answer to a new connection".to_owned())),
        Err(_) => Err(Error::Unavailable("the runtime has ended".to_owned())),
    }
}

/// How long ago the registry began, in milliseconds.
pub(super) fn millis_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
