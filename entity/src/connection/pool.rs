//! One pool: a plain queue of connections by deadpool, without a ping on release or checkout, and a line of those who wait.
//! How it gets connections is in `filling.rs`, what becomes of those that are lent out in `lent.rs`.

mod filling;
mod lent;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, QueueMode, RecycleResult};
use tokio::sync::watch;
use uuid::Uuid;

use super::gate::Asker;
use super::line::Line;
use super::opened::Opened;
use super::opening::Opening;
use super::{Connections, Sessions, Source};
use crate::error::Error;

pub(crate) use lent::Pooled;
use lent::Turn;

/// How long a request waits in all, for its turn and for a connection, before it is told that the database is busy.
pub(super) const WAIT: Duration = Duration::from_secs(5);

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

impl PoolKey {
    /// Whether this is the catalog's pool, which has a budget of its own.
    pub(super) fn is_catalog(&self) -> bool {
        self.purpose == Use::Platform && self.store.is_none()
    }

    /// Whether the tables are those that tenants share.
    pub(super) fn is_shared(&self) -> bool {
        self.tenant.is_none()
    }
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
    pub(super) line: Line,
    objects: managed::Pool<Manager>,
    source: Source,
    sessions: Sessions,
    /// Who else opens connections: for this pool, and to its server.
    openings: Vec<Arc<Opening>>,
    connections: Weak<Connections>,
    /// Why the last connection could not be opened.
    trouble: watch::Sender<Option<Error>>,
    /// Milliseconds since the registry began.
    last_used: AtomicU64,
    last_scaling: Mutex<Option<Scaling>>,
}

impl Pool {
    pub(super) fn new(
        key: PoolKey,
        (source, sessions): (Source, Sessions),
        openings: Vec<Arc<Opening>>,
        connections: Weak<Connections>,
        (limit, most): (usize, usize),
    ) -> Self {
        // The one that was used last is used first: what is not needed can be seen to be idle.
        let objects = managed::Pool::builder(Manager::default()).max_size(most).queue_mode(QueueMode::Lifo);
        Self {
            key,
            line: Line::new(limit),
            objects: objects
                .runtime(Runtime::Tokio1)
                .build()
                .expect("a runtime is given, and nothing else can be missing"),
            source,
            sessions,
            openings,
            connections,
            trouble: watch::Sender::new(None),
            last_used: AtomicU64::new(0),
            last_scaling: Mutex::new(None),
        }
    }

    /// Takes hold of a connection, when it is the caller's turn. Fails at once if none can be opened and there is no other.
    async fn turn(self: &Arc<Self>, asker: Asker) -> Result<Turn, Error> {
        let mut trouble = self.trouble.subscribe();
        let _asking = self.line.ask();
        self.open_missing();
        tokio::select! {
            biased;
            entered = self.line.enter(asker, Instant::now() + WAIT) => entered?,
            error = self.is_cut_off(&mut trouble) => return Err(error),
            never = self.lose_patience() => match never {},
        }
        Ok(Turn { pool: Arc::clone(self), asker, is_lost: false })
    }

    async fn is_cut_off(&self, trouble: &mut watch::Receiver<Option<Error>>) -> Error {
        loop {
            // Cannot fail: the pool has the sender.
            let _ = trouble.changed().await;
            if let (0, Some(error)) = (self.line.open(), &*trouble.borrow_and_update()) {
                return error.clone();
            }
        }
    }

    async fn object(&self) -> Result<Object<Manager>, Error> {
        self.objects.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            other => Error::Internal(other.to_string()),
        })
    }

    /// Connections that are open.
    pub(super) fn size(&self) -> usize {
        self.line.open()
    }

    pub(super) fn is_active(&self) -> bool {
        self.line.in_use() + self.line.asking() > 0
    }

    /// Closes connections that are not lent out and have rested for this long, at most so many.
    pub(super) fn close_idle(self: &Arc<Self>, idle: Duration, most: usize) -> usize {
        let asker = Asker::default();
        let turn = || Turn { pool: Arc::clone(self), asker, is_lost: false };
        let free = std::iter::from_fn(|| self.line.try_enter(asker).then(turn));
        let mut turns: Vec<_> = free.take(most).collect();
        let mut left = turns.len();
        let mut stays = |opened: &Opened| {
            let closes = left > 0 && opened.rests_since.elapsed() >= idle;
            left -= usize::from(closes);
            !closes
        };
        let mut closed = self.objects.retain(|opened, _| stays(opened)).removed;
        closed.extend(self.objects.manager().take_unless(stays));
        turns.iter_mut().take(closed.len()).for_each(|turn| turn.is_lost = true);
        closed.len()
    }

    pub(super) fn scale(&self, to: usize) {
        let from = self.line.set_limit(to);
        if from != to {
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

/// Hands new connections to deadpool. There is one for each who asks: nobody asks without holding a [`Turn`].
#[derive(Default)]
struct Manager(Mutex<Vec<Opened>>);

impl Manager {
    fn keep(&self, opened: Opened) {
        self.opened().push(opened);
    }

    /// Those that do not stay.
    fn take_unless(&self, mut stays: impl FnMut(&Opened) -> bool) -> Vec<Opened> {
        self.opened().extract_if(.., |opened| !stays(opened)).collect()
    }

    fn opened(&self) -> MutexGuard<'_, Vec<Opened>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl managed::Manager for Manager {
    type Type = Opened;
    type Error = Error;

    async fn create(&self) -> Result<Opened, Error> {
        self.opened().pop().ok_or_else(|| Error::Internal("a turn without a connection".to_owned()))
    }

    /// Only clean connections come back (see [`Lease`](super::Lease)); one that died meanwhile shows when it is bound.
    async fn recycle(&self, _: &mut Opened, _: &Metrics) -> RecycleResult<Error> {
        Ok(())
    }
}

/// How long ago the registry began, in milliseconds.
pub(super) fn millis_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
