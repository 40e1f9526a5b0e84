//! One pool: a plain queue of connections by deadpool, without a ping on release or checkout, and a line of those who wait.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, QueueMode, RecycleResult};
use tokio::sync::watch;
use uuid::Uuid;

use super::budget::Permit;
use super::gate::Asker;
use super::line::Line;
use super::opened::Opened;
use super::opening::{Opening, Slot};
use super::{Connection, Connections, Sessions, Source};
use crate::error::Error;

/// How long a request waits in all, for its turn and for a connection, before it is told that the database is busy.
pub(super) const WAIT: Duration = Duration::from_secs(5);

/// How long a request waits for one of its pool's connections before another is opened that has to be taken from others.
/// Opening one costs the server as much as fifty reads do, and most come free sooner.
const PATIENCE: Duration = Duration::from_millis(20);

/// How often whoever opens a connection looks whether anybody still waits for it.
const LOOK: Duration = Duration::from_millis(100);

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

/// What a new connection may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Haste {
    /// It is opened if the budget has a permit left.
    IfSpare,
    /// It waits for a permit, and others are made to give one back.
    TakeFromOthers,
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

    async fn lose_patience(self: &Arc<Self>) -> Infallible {
        loop {
            tokio::time::sleep(PATIENCE).await;
            self.open(Haste::TakeFromOthers);
        }
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

    /// Opens what is asked for and not there; at the cost of others only if this pool has nothing at all.
    pub(super) fn open_missing(self: &Arc<Self>) {
        self.open(if self.line.open() == 0 { Haste::TakeFromOthers } else { Haste::IfSpare });
    }

    /// Opens connections on the runtime that opened the database.
    ///
    /// A socket belongs to the runtime on which it was opened and dies with it. A web server's workers have runtimes of their
    /// own that end one by one while it stops; a connection must outlive them, because a request on another worker may hold it.
    fn open(self: &Arc<Self>, haste: Haste) {
        let Some(connections) = self.connections.upgrade() else { return };
        if haste == Haste::IfSpare && !connections.budget(self.key.is_catalog()).has_spare() {
            return;
        }
        for _ in 0..self.line.missing() {
            let (pool, connections) = (Arc::clone(self), Arc::clone(&connections));
            connections.runtime().clone().spawn(async move { pool.open_one(&connections, haste).await });
        }
    }

    async fn open_one(&self, connections: &Connections, haste: Haste) {
        // Counted as being opened until it is said how that went; also if it is never said.
        let opening = GivesUp(&self.line);
        let Some((slots, permit)) = self.while_asked(self.admission(connections, haste)).await.flatten() else {
            return;
        };
        let connecting = self.sessions.clone().open(self.source.clone());
        match Opened::open(connections.runtime(), connecting, permit, slots).await {
            Ok(opened) => {
                self.objects.manager().keep(opened);
                std::mem::forget(opening);
                self.line.opened();
            }
            Err(error) => {
                drop(opening);
                self.trouble.send_replace(Some(error));
            }
        }
    }

    /// The right to open a connection. The permit comes last: whoever has one waits for nothing but the server.
    async fn admission(&self, connections: &Connections, haste: Haste) -> Option<(Vec<Slot>, Permit)> {
        let mut slots = Vec::with_capacity(self.openings.len());
        for opening in &self.openings {
            slots.push(opening.enter().await);
        }
        let budget = connections.budget(self.key.is_catalog());
        let permit = match haste {
            Haste::IfSpare => budget.try_take()?,
            Haste::TakeFromOthers => budget.take().await,
        };
        Some((slots, permit))
    }

    /// Waits for as long as anybody waits for a connection.
    async fn while_asked<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        let mut wait = std::pin::pin!(wait);
        loop {
            let waited = tokio::time::timeout(LOOK, &mut wait).await.ok();
            if waited.is_some() || self.line.asking() == 0 {
                return waited.filter(|_| self.line.asking() > 0);
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

/// Somebody who opens a connection and has not said yet how that went.
struct GivesUp<'a>(&'a Line);

impl Drop for GivesUp<'_> {
    fn drop(&mut self) {
        self.0.gave_up();
    }
}

/// The hold on one of a pool's connections, until this is dropped.
pub(super) struct Turn {
    pool: Arc<Pool>,
    asker: Asker,
    /// Whether the connection is no more.
    is_lost: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.is_lost {
            self.pool.line.lose(self.asker);
            // For whoever waits for this one.
            self.pool.open_missing();
        } else {
            self.pool.line.leave(self.asker);
        }
    }
}

/// A connection that is lent out. When it is dropped it goes back to its pool or, where others are short of one, to them.
pub(crate) struct Pooled {
    object: Option<Box<Object<Manager>>>,
    turn: Option<Turn>,
    connections: Arc<Connections>,
}

impl Pooled {
    /// The pool's next connection, when it is the asker's turn.
    pub(super) async fn get(pool: &Arc<Pool>, asker: Asker, connections: &Arc<Connections>) -> Result<Self, Error> {
        let turn = pool.turn(asker).await?;
        let object = pool.object().await?;
        Ok(Self { object: Some(Box::new(object)), turn: Some(turn), connections: Arc::clone(connections) })
    }

    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        self.object.as_deref_mut().map(|object| object.connection())
    }

    /// Closes it: nobody knows what state it is in. Until it is closed, it counts as in use, or whoever breaks off many
    /// requests would take the connections of others.
    pub(crate) fn discard(mut self) {
        if let (Some(object), Some(mut turn)) = (self.object.take(), self.turn.take()) {
            let mut opened = Object::take(*object);
            turn.is_lost = true;
            opened.is_unclear = true;
            opened.held = Some(Box::new(turn));
        }
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let (Some(mut object), Some(turn)) = (self.object.take(), &mut self.turn) else { return };
        if self.connections.is_wanted_elsewhere(&turn.pool, object.since) {
            turn.is_lost = true;
            drop(Object::take(*object));
        } else {
            object.rests_since = Instant::now();
        }
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
