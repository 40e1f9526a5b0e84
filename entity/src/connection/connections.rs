//! Every pool of the process, under one budget.
//!
//! A quarter of the budget is the catalog's: every request begins there, whatever the tenants do. The rest is shared by all
//! other pools. A pool is made when it is first needed and grows as it is used. When the budget is spent, the pools that are
//! in use are [balanced](super::balance), and whoever waits is served in the order of asking.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::budget::Budget;
use super::drivers::Drivers;
use super::gate::Asker;
use super::opened::Opened;
use super::opening::Opening;
use super::pool::{Pool, PoolKey, Pooled, Use, WAIT, millis_since};
use super::{BudgetStatus, PoolStatus, Sessions, balance};
use crate::error::Error;
use crate::settings::{DatabaseSettings, Party, PoolRules, Store};
use crate::usage::Usage;

/// Most connections that work on one place holds at a time: for the fleet's lock and its own, for the place's server and the
/// place itself as the owner, and to read and write rows.
const WORK: usize = 6;

/// A connection that rested and does not answer within this is taken for dead.
const ANSWERS: Duration = Duration::from_secs(1);

/// How long to wait until other work on places has ended.
const WORK_WAIT: Duration = Duration::from_secs(20);

/// A server, and who calls there.
type Address = (Option<Arc<str>>, Use);

pub(crate) struct Connections {
    pub(super) rules: PoolRules,
    statement_timeout: Duration,
    /// Of all pools but the catalog's.
    pub(super) shared: Arc<Budget>,
    catalog: Arc<Budget>,
    /// How much work on places goes on at once: whoever is at it must get all the connections that it needs.
    works: Arc<Semaphore>,
    /// A connection of the owner's at home, between one work on a place and the next.
    resting: Mutex<Option<Opened>>,
    /// What each pool in use was last due, if the budget were spent; 0 if there are more pools than connections.
    pub(super) share: AtomicUsize,
    /// Connections of pools beyond what each was last due.
    pub(super) excess: AtomicUsize,
    /// Connections that the tables that tenants share keep on each server, as long as they are used.
    pub(super) kept: usize,
    pools: Mutex<HashMap<PoolKey, Arc<Pool>>>,
    openings: HashMap<Option<Arc<str>>, Arc<Opening>>,
    /// How sessions begin: at each address there may be a pooler.
    sessions: Mutex<HashMap<Address, Sessions>>,
    /// What tenants use, counted where connections are lent out.
    pub(crate) usage: Usage,
    pub(super) drivers: Drivers,
    began: Instant,
    me: Weak<Connections>,
}

impl Connections {
    /// Must be called on the runtime that is home.
    pub(crate) fn new(settings: &DatabaseSettings) -> Arc<Self> {
        // A file has one queue for everybody.
        let catalog = if settings.is_embedded() { 0 } else { (settings.budget / 4).clamp(1, settings.pools.max) };
        let shared = settings.budget - catalog;
        let opening = |store: &Arc<Store>| (store.key(), Opening::new((shared / 3).max(2), 2));
        let openings: HashMap<_, _> = settings.stores().map(opening).collect();
        let connections = Arc::new_cyclic(|me| Self {
            rules: settings.pools,
            statement_timeout: settings.statement_timeout,
            shared: Budget::new(shared),
            catalog: Budget::new(catalog),
            works: Arc::new(Semaphore::new(most_works(shared))),
            resting: Mutex::default(),
            share: AtomicUsize::new(shared),
            excess: AtomicUsize::new(0),
            kept: shared / 4 / openings.len(),
            pools: Mutex::default(),
            openings,
            sessions: Mutex::default(),
            usage: Usage::default(),
            drivers: Drivers::new(),
            began: Instant::now(),
            me: Weak::clone(me),
        });
        balance::watch(&connections);
        connections
    }

    /// Where work lives that must go on, whoever asked for it.
    pub(crate) fn runtime(&self) -> &Handle {
        self.drivers.home()
    }

    /// A connection of this pool, when it is the asker's turn.
    pub(crate) async fn get(self: &Arc<Self>, key: &PoolKey, store: &Store, asker: Asker) -> Result<Pooled, Error> {
        let pool = self.pool(key, store);
        self.grow(&pool);
        Pooled::get(&pool, asker, self).await
    }

    /// How many connections this pool has open: so many may turn out to have died.
    pub(crate) fn size(&self, key: &PoolKey) -> usize {
        self.pools().get(key).map_or(0, |pool| pool.size())
    }

    /// A connection of the owner's, within the budget, that is closed when it is dropped.
    pub(crate) async fn owner(&self, store: &Store, tenant: Option<Uuid>) -> Result<Opened, Error> {
        let permit = tokio::time::timeout(WAIT, self.shared.take()).await.map_err(|_| self.too_few())?;
        let source = store.source(Party::Owner, tenant);
        Opened::open(self.drivers.at_home(), self.runtime(), async move { source.connect().await }, permit, Vec::new())
            .await
    }

    /// Why the owner gets no connection: others have them, or the work itself has all that there may be.
    fn too_few(&self) -> Error {
        if self.shared.limit() < WORK {
            Error::NotPossible("CONNECTION_BUDGET must be at least 8 to make, migrate and move places".to_owned())
        } else {
            Error::Busy
        }
    }

    /// The same at home, to begin work on a place with: the one that rests, if there is one.
    pub(crate) async fn worker(&self, home: &Store) -> Result<Opened, Error> {
        let work = self.work().await?;
        let mut opened = match self.rested().await {
            Some(opened) => opened,
            None => self.owner(home, None).await?,
        };
        opened.held = Some(Box::new(work));
        Ok(opened)
    }

    /// Keeps a connection for the next work on a place, for a while and unless others are short of one.
    pub(crate) fn rest(&self, mut opened: Opened) {
        opened.held = None;
        opened.rests_since = Instant::now();
        if self.shared.short() == 0 {
            self.resting().replace(opened);
        }
    }

    /// The connection that rests, unless it has died of it.
    async fn rested(&self) -> Option<Opened> {
        let mut opened = self.resting().take()?;
        let answered = tokio::time::timeout(ANSWERS, opened.connection().run("")).await;
        matches!(answered, Ok(Ok(()))).then_some(opened)
    }

    /// Closes the connection that rests, if it has done so for this long, and says whether there was one.
    pub(super) fn close_resting(&self, idle: Duration) -> bool {
        self.resting().take_if(|opened| opened.rests_since.elapsed() >= idle).is_some()
    }

    fn resting(&self) -> MutexGuard<'_, Option<Opened>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to work on a place, as soon as there are connections enough to come to an end of it: if many began at once,
    /// each would have some, and wait for those of the others.
    pub(crate) async fn work(&self) -> Result<OwnedSemaphorePermit, Error> {
        let work = tokio::time::timeout(WORK_WAIT, Arc::clone(&self.works).acquire_owned()).await;
        work.map_err(|_| Error::Busy)?.map_err(|_| Error::Busy)
    }

    /// How much work on places may go on at once.
    pub(crate) fn most_works(&self) -> usize {
        most_works(self.shared.limit())
    }

    /// How many exports may go on at once: each holds a serving connection for as long as its reader takes.
    pub(crate) fn most_exports(&self) -> usize {
        self.bounds(Use::Serving).1 / 4
    }

    /// Whether somebody may hold one serving connection and ask for another.
    pub(crate) fn can_lend_two(&self) -> bool {
        self.bounds(Use::Serving).1 > 1
    }

    /// Forgets the pools of a tenant's own database; their idle connections are closed.
    pub(crate) fn forget(&self, store: &Store, tenant: Uuid) {
        let is_its = |key: &PoolKey| key.tenant == Some(tenant) && key.store.as_deref() == store.name();
        self.pools().retain(|key, _| !is_its(key));
    }

    pub(crate) fn status(&self) -> Vec<PoolStatus> {
        let mut pools: Vec<_> =
            self.all().iter().map(|pool| PoolStatus::of(pool, self.bounds(pool.key.purpose))).collect();
        pools.sort_by(|a, b| (&a.datastore, a.tenant, a.role).cmp(&(&b.datastore, b.tenant, b.role)));
        pools
    }

    pub(crate) fn budget_status(&self) -> BudgetStatus {
        BudgetStatus {
            limit: self.shared.limit() + self.catalog.limit(),
            open: self.shared.used() + self.catalog.used(),
            waiting: self.shared.wanting() + self.catalog.wanting(),
        }
    }

    /// The pool, made if this is the first time that it is needed. However many ask at once, one is made.
    fn pool(&self, key: &PoolKey, store: &Store) -> Arc<Pool> {
        let mut pools = self.pools();
        let pool = match pools.get(key) {
            Some(pool) => Arc::clone(pool),
            None => {
                let made = Arc::new(self.make(key, store));
                pools.insert(key.clone(), Arc::clone(&made));
                made
            }
        };
        // Under the lock: a pool that was just asked for is not one to be forgotten.
        pool.touch(millis_since(self.began));
        pool
    }

    fn make(&self, key: &PoolKey, store: &Store) -> Pool {
        let (least, most) = self.bounds(key.purpose);
        let party = if key.purpose == Use::Platform { Party::Platform } else { Party::Serving };
        let mut openings = vec![Opening::doubtful(most, 1)];
        if !key.is_catalog() {
            openings.extend(self.openings.get(&key.store).map(Arc::clone));
        }
        let begun = (store.source(party, key.tenant), self.sessions(key));
        Pool::new(key.clone(), begun, openings, Weak::clone(&self.me), least)
    }

    fn sessions(&self, key: &PoolKey) -> Sessions {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let of = (key.store.clone(), key.purpose);
        sessions.entry(of).or_insert_with(|| Sessions::new(self.statement_timeout)).clone()
    }

    /// The size a pool starts with and the one it may reach if nobody else wants anything.
    pub(super) fn bounds(&self, purpose: Use) -> (usize, usize) {
        let most = match purpose {
            Use::Writing => 1,
            Use::Platform => self.catalog.limit().max(1),
            // Never the whole budget: whoever comes next must not have to wait for somebody else's statement to end.
            Use::Serving => self.rules.max.min((self.shared.limit() - self.shared.limit() / 4).max(1)),
        };
        (self.rules.min.min(most), most)
    }

    /// The budget of the catalog's pool, or of the others.
    pub(super) fn budget(&self, of_catalog: bool) -> &Arc<Budget> {
        if of_catalog && self.catalog.limit() > 0 { &self.catalog } else { &self.shared }
    }

    /// How long ago, in milliseconds, the pool was last asked for a connection.
    pub(super) fn idle_millis(&self, pool: &Pool) -> u64 {
        millis_since(self.began).saturating_sub(pool.last_used())
    }

    pub(super) fn all(&self) -> Vec<Arc<Pool>> {
        self.pools().values().map(Arc::clone).collect()
    }

    pub(super) fn pools(&self) -> MutexGuard<'_, HashMap<PoolKey, Arc<Pool>>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn most_works(connections: usize) -> usize {
    (connections / WORK).max(1)
}
