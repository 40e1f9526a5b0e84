//! Every pool of the process, under one budget.
//!
//! A quarter of the budget is the catalog's: every request begins there, whatever the tenants do. The rest is shared by all
//! other pools. A pool is made when it is first needed and grows as it is used. When the budget is spent, each pool that
//! is in use is held to an equal share, idle connections go to whoever waits, and a connection in use goes there as soon as it
//! is given back; whoever waits is served in the order of asking.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::budget::{Budget, Permit};
use super::opened::Opened;
use super::pool::{self, Pool, PoolKey, Pooled, Scaling, Use, WAIT, millis_since};
use crate::error::Error;
use crate::settings::{DatabaseSettings, Party, PoolRules, Store};
use uuid::Uuid;

/// How often pools that are used less are made smaller.
const TIDY: Duration = Duration::from_secs(1);

/// How often whoever waits for a connection looks again for an idle one.
const AGAIN: Duration = Duration::from_millis(50);

pub(crate) struct Connections {
    rules: PoolRules,
    /// Of all pools but the catalog's.
    shared: Budget,
    catalog: Budget,
    pools: Mutex<HashMap<PoolKey, Arc<Pool>>>,
    runtime: Handle,
    began: Instant,
    me: Weak<Connections>,
}

impl Connections {
    /// Must be called on the runtime that the connections are to live on.
    pub(crate) fn new(settings: &DatabaseSettings) -> Arc<Self> {
        // A file has one queue for everybody.
        let catalog = if settings.is_embedded() { 0 } else { (settings.budget / 4).clamp(1, settings.pools.max) };
        let connections = Arc::new_cyclic(|me| Self {
            rules: settings.pools,
            shared: Budget::new(settings.budget - catalog),
            catalog: Budget::new(catalog),
            pools: Mutex::default(),
            runtime: Handle::current(),
            began: Instant::now(),
            me: Weak::clone(me),
        });
        let kept = Arc::downgrade(&connections);
        connections.runtime.spawn(async move {
            loop {
                tokio::time::sleep(TIDY).await;
                match kept.upgrade() {
                    Some(connections) => connections.tidy(),
                    None => return,
                }
            }
        });
        connections
    }

    /// Where connections live; work that must go on lives there too.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// A connection of this pool, when it is its turn.
    pub(crate) async fn get(self: &Arc<Self>, key: &PoolKey, store: &Store) -> Result<Pooled, Error> {
        let pool = self.pool(key, store);
        pool.touch(millis_since(self.began));
        self.grow(&pool);
        pool.gate.enter(WAIT).await?;
        let entered = Entered(Some(Arc::clone(&pool)));
        let object = pool.get().await?;
        entered.stays();
        Ok(Pooled::new(object, pool, Arc::clone(self)))
    }

    /// How many connections this pool has open: so many may turn out to have died.
    pub(crate) fn size(&self, key: &PoolKey) -> usize {
        self.pools().get(key).map_or(0, |pool| pool.size())
    }

    /// A connection of the owner's, within the budget, that is closed when it is dropped.
    pub(crate) async fn owner(&self, store: &Store, tenant: Option<Uuid>) -> Result<Opened, Error> {
        let permit = self.permit(false).await?;
        pool::open(&self.runtime, store.source(Party::Owner, tenant), permit).await
    }

    /// Forgets the pools of a tenant's own database; their idle connections are closed.
    pub(crate) fn forget(&self, store: &Store, tenant: Uuid) {
        let is_its = |key: &PoolKey| key.tenant == Some(tenant) && key.store.as_deref() == store.name();
        self.pools().retain(|key, _| !is_its(key));
    }

    pub(crate) fn status(&self) -> Vec<PoolStatus> {
        let mut pools: Vec<_> = self.pools().values().map(|pool| self.status_of(pool)).collect();
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

    fn status_of(&self, pool: &Pool) -> PoolStatus {
        let (least, most) = self.bounds(pool.key.purpose);
        PoolStatus {
            datastore: pool.key.store.as_deref().map(str::to_owned),
            tenant: pool.key.tenant,
            role: match pool.key.purpose {
                Use::Serving => "serving",
                Use::Writing => "writing",
                Use::Platform => "platform",
            },
            size: pool.size(),
            in_use: pool.gate.in_use().min(pool.size()),
            waiting: pool.gate.waiting(),
            limit: pool.gate.limit(),
            min: least,
            max: most,
            last_scaling: pool.last_scaling(),
        }
    }

    /// The pool, made if this is the first time that it is needed. However many ask at once, one is made.
    fn pool(&self, key: &PoolKey, store: &Store) -> Arc<Pool> {
        let mut pools = self.pools();
        if let Some(pool) = pools.get(key) {
            return Arc::clone(pool);
        }
        let party = if key.purpose == Use::Platform { Party::Platform } else { Party::Serving };
        let (least, most) = self.bounds(key.purpose);
        let source = store.source(party, key.tenant);
        let pool = Arc::new(self.runtime_guarded(|| Pool::new(key.clone(), source, &self.me, least, most)));
        pools.insert(key.clone(), Arc::clone(&pool));
        pool
    }

    /// Pools that are made on a worker's runtime belong to the one that opened the database all the same.
    fn runtime_guarded<T>(&self, make: impl FnOnce() -> T) -> T {
        let _inside = self.runtime.enter();
        make()
    }

    /// The size a pool starts with and the one it may reach if nobody else wants anything.
    fn bounds(&self, purpose: Use) -> (usize, usize) {
        let most = match purpose {
            Use::Writing => 1,
            Use::Platform => self.catalog.limit().max(1),
            // Never the whole budget: whoever comes next must not have to wait for somebody else's statement to end.
            Use::Serving => self.rules.max.min((self.shared.limit() - self.shared.limit() / 4).max(1)),
        };
        (self.rules.min.min(most), most)
    }

    /// Lets a pool grow when it is used to more than the threshold.
    fn grow(&self, pool: &Pool) {
        let limit = pool.gate.limit();
        if (pool.gate.in_use() + 1) * 100 <= limit * self.rules.grow_above {
            return;
        }
        let (_, most) = self.bounds(pool.key.purpose);
        let is_tight = pool.key.purpose != Use::Platform && self.shared.wanting() > 0;
        let most = if is_tight { self.share().min(most) } else { most };
        if most > limit {
            pool.scale((limit + self.rules.grow_by).min(most));
        }
    }

    /// What each pool in use may have when the budget is spent.
    fn share(&self) -> usize {
        let pools = self.pools();
        let active = pools.values().filter(|pool| pool.key.purpose != Use::Platform && pool.is_active()).count();
        (self.shared.limit() / active.max(1)).max(1)
    }

    /// The right to open a connection, as soon as there is one.
    pub(super) async fn permit(&self, of_catalog: bool) -> Result<Permit, Error> {
        let budget = if of_catalog && self.catalog.limit() > 0 { &self.catalog } else { &self.shared };
        if let Some(permit) = budget.take_now() {
            return Ok(permit);
        }
        let _wanting = budget.want();
        let mut taking = std::pin::pin!(tokio::time::timeout(WAIT, budget.take()));
        loop {
            self.relieve();
            // A connection that was given back as this began to wait may have become idle unseen.
            match tokio::time::timeout(AGAIN, &mut taking).await {
                Ok(taken) => return taken.map_err(|_| Error::Busy)?,
                Err(_) => continue,
            }
        }
    }

    /// The budget is spent: holds every pool to its share, and closes one connection that nobody uses.
    fn relieve(&self) {
        let share = self.share();
        let mut idle: Vec<_> = {
            let pools = self.pools();
            pools.values().filter(|pool| pool.key.purpose != Use::Platform).map(Arc::clone).collect()
        };
        for pool in &idle {
            if pool.gate.limit() > share {
                pool.scale(share);
            }
        }
        // Those above their share first, then whoever was not used for the longest.
        idle.sort_by_key(|pool| (pool.size() <= share, pool.last_used()));
        for pool in idle {
            if pool.gate.waiting() == 0 && pool.close_idle(Duration::ZERO, 1) > 0 {
                return;
            }
        }
    }

    /// Whether a connection that this pool gives back should go to others.
    pub(super) fn is_wanted_elsewhere(&self, pool: &Pool, overstays: bool) -> bool {
        if pool.key.purpose == Use::Platform || self.shared.wanting() == 0 {
            return false;
        }
        overstays || pool.gate.waiting() == 0 || pool.size() > self.share()
    }

    /// Makes pools that are used less smaller, and closes what is idle.
    fn tidy(&self) {
        let pools: Vec<_> = self.pools().values().map(Arc::clone).collect();
        for pool in pools {
            let limit = pool.gate.limit();
            let (least, _) = self.bounds(pool.key.purpose);
            if limit > least && pool.gate.in_use() * 100 < limit * self.rules.shrink_below {
                pool.scale(limit.saturating_sub(self.rules.shrink_by).max(least));
                pool.close_idle(Duration::ZERO, pool.size().saturating_sub(pool.gate.limit()));
            }
            pool.close_idle(self.rules.idle, usize::MAX);
        }
        let idle = u64::try_from(self.rules.idle.as_millis()).unwrap_or(u64::MAX);
        let now = millis_since(self.began);
        self.pools().retain(|key, pool| {
            let is_idle = pool.size() == 0 && !pool.is_active() && now.saturating_sub(pool.last_used()) > idle;
            key.tenant.is_none() || !is_idle
        });
    }

    fn pools(&self) -> MutexGuard<'_, HashMap<PoolKey, Arc<Pool>>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn that ends unless a connection is got for it.
struct Entered(Option<Arc<Pool>>);

impl Entered {
    fn stays(mut self) {
        self.0 = None;
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(pool) = &self.0 {
            pool.gate.leave();
        }
    }
}

/// How full a pool is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    /// The server's name; none for the first one.
    pub datastore: Option<String>,
    /// The tenant whose own database it is for; none for one that tenants share.
    pub tenant: Option<Uuid>,
    /// Whose connections: `serving`, `platform`, or `writing` to an SQLite file.
    pub role: &'static str,
    /// Connections that are open.
    pub size: usize,
    /// Of these, lent out.
    pub in_use: usize,
    /// Requests that wait for one.
    pub waiting: usize,
    /// Most connections that are lent out at present.
    pub limit: usize,
    /// What the limit shrinks to.
    pub min: usize,
    /// What the limit may grow to.
    pub max: usize,
    /// The last change of the limit.
    pub last_scaling: Option<Scaling>,
}

/// How much of the budget is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetStatus {
    /// Most connections, all pools together.
    pub limit: usize,
    /// Connections that are open, or are being opened or closed.
    pub open: usize,
    /// Who waits for one to be closed elsewhere.
    pub waiting: usize,
}
