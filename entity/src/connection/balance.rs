//! How pools grow and shrink, and what happens when the budget is spent.
//!
//! Each pool in use is then due an equal share. Whoever finds no connection in its pool, or has waited for a while in one that has
//! less than its share, asks for one of the others' (`pool/filling.rs`). An idle connection goes to whoever waits; a connection in use goes
//! there when it is given back, once its pool has had it for a while or has more than its share. For a moment it is left to
//! its pool in any case: whoever sends one request after the other would pay for a new connection each time.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Connections;
use super::pool::Pool;

/// How often pools that are used less are made smaller.
const TIDY: Duration = Duration::from_secs(1);

/// How often connections are looked for while somebody waits for one.
const LOOK: Duration = Duration::from_millis(5);

/// How long a connection is left to its pool when it was given back.
const PAUSE: Duration = Duration::from_millis(10);

/// After this long, a connection that others wait for goes to them even if its own pool has more to do.
const SLICE: Duration = Duration::from_millis(100);

/// How long a pool counts as in use without being asked for a connection: longer than from one request to the next, or shares would
/// change with each of them, and connections go to and fro.
const KEEP: Duration = Duration::from_secs(1);

/// How long a connection of the owner's waits for the next place to be made.
const REST: Duration = Duration::from_secs(5);

/// Tidies for as long as there are connections, and balances pools while anybody waits. One does it for all: if each who
/// waits looked for a connection, a crowd would do little else.
pub(super) fn watch(connections: &Arc<Connections>) {
    let (kept, budget) = (Arc::downgrade(connections), Arc::clone(&connections.shared));
    connections.runtime().spawn(async move {
        loop {
            tokio::time::sleep(TIDY).await;
            match kept.upgrade() {
                Some(connections) => connections.tidy(),
                None => return,
            }
        }
    });
    let kept = Arc::downgrade(connections);
    connections.runtime().spawn(async move {
        loop {
            // Ends with the runtime at the latest.
            let _ = tokio::time::timeout(TIDY, budget.wanted()).await;
            loop {
                match kept.upgrade() {
                    Some(connections) if budget.wanting() > 0 => connections.relieve(),
                    Some(_) => break,
                    None => return,
                }
                tokio::time::sleep(LOOK).await;
            }
        }
    });
}

impl Connections {
    /// Lets a pool grow when it is used to more than the threshold.
    pub(super) fn grow(&self, pool: &Pool) {
        let (wanted, limit) = pool.line.load();
        if (wanted + 1) * 100 <= limit * self.rules.grow_above {
            return;
        }
        let (_, most) = self.bounds(pool.key.purpose);
        let is_tight = !pool.key.is_catalog() && self.shared.wanting() > 0;
        let most = if is_tight { self.held_to(pool).min(most) } else { most };
        if most > limit {
            pool.scale((limit + self.rules.grow_by).min(most));
        }
    }

    /// What a pool may have while the budget is spent.
    fn held_to(&self, pool: &Pool) -> usize {
        self.share.load(Ordering::Relaxed).max(self.kept(pool)).max(1)
    }

    /// The same, or none if the pool is not in use.
    fn due(&self, pool: &Pool) -> usize {
        if self.is_in_use(pool) { self.held_to(pool) } else { 0 }
    }

    fn is_in_use(&self, pool: &Pool) -> bool {
        self.idle_millis(pool) < millis(KEEP)
    }

    /// Whether a pool that has connections is due more of them, and others have more than they are due.
    pub(super) fn is_short_changed(&self, pool: &Pool) -> bool {
        self.excess.load(Ordering::Relaxed) > 0 && pool.size() < self.share.load(Ordering::Relaxed)
    }

    /// Works out what each pool is due, and how many connections are beyond that.
    fn weigh(&self, pools: &[Arc<Pool>]) {
        let in_use: Vec<_> = pools.iter().filter(|pool| self.is_in_use(pool)).collect();
        let equal = self.shared.limit() / in_use.len().max(1);
        let kept: Vec<_> = in_use.iter().map(|pool| self.kept(pool)).filter(|kept| *kept > equal).collect();
        let left = self.shared.limit().saturating_sub(kept.iter().sum());
        self.share.store(left / (in_use.len() - kept.len()).max(1), Ordering::Relaxed);
        let excess = pools.iter().map(|pool| pool.size().saturating_sub(self.due(pool))).sum();
        self.excess.store(excess, Ordering::Relaxed);
    }

    /// All pools that share the budget.
    fn sharing(&self) -> Vec<Arc<Pool>> {
        let mut pools = self.all();
        pools.retain(|pool| !pool.key.is_catalog());
        pools
    }

    /// Connections that are not taken from a pool in use. Tables that tenants share are many tenants' pool, and an equal
    /// share with one tenant's would not be fair.
    fn kept(&self, pool: &Pool) -> usize {
        let is_kept = pool.key.is_shared() && self.is_in_use(pool);
        if is_kept { self.kept.min(self.bounds(pool.key.purpose).1) } else { 0 }
    }

    /// The budget is spent: holds every pool to its share, and closes as many idle connections as are waited for.
    fn relieve(&self) {
        let mut pools = self.sharing();
        self.weigh(&pools);
        for pool in &pools {
            let most = self.held_to(pool);
            if pool.line.limit() > most {
                pool.scale(most);
            }
        }
        // Those that have more than they are due first, and then anybody: if whoever was not used for the longest were taken, tenants that
        // come in turn would each find their connection gone just before they come.
        let chance = RandomState::new();
        pools.sort_by_cached_key(|pool| (pool.size() <= self.due(pool), chance.hash_one(&pool.key)));
        let mut short = self.shared.short();
        short -= usize::from(short > 0 && self.close_resting(PAUSE));
        for pool in pools {
            if short == 0 {
                return;
            }
            short -= pool.close_idle(PAUSE, short.min(pool.size().saturating_sub(self.kept(&pool))));
        }
    }

    /// Whether a connection that this pool has had since then, and now gives back, should go to others.
    pub(super) fn is_wanted_elsewhere(&self, pool: &Pool, since: Instant) -> bool {
        if self.shared.short() == 0 || pool.key.is_catalog() {
            return false;
        }
        let size = pool.size();
        size > self.kept(pool) && (size > self.held_to(pool) || since.elapsed() > SLICE)
    }

    /// The budget is spent: closes as many connections that have rested for long, for whoever has its share and could use more.
    fn free_rested(&self, mut count: usize) {
        for pool in self.sharing() {
            if count == 0 || self.shared.has_spare() {
                return;
            }
            count -= pool.close_idle(KEEP, count.min(pool.size().saturating_sub(self.kept(&pool))));
        }
    }

    /// Makes pools that are used less smaller, and closes what is idle.
    fn tidy(&self) {
        self.close_resting(REST);
        self.weigh(&self.sharing());
        for pool in self.all() {
            let (peak, limit) = pool.line.take_peak();
            let (least, _) = self.bounds(pool.key.purpose);
            if limit > least && peak * 100 < limit * self.rules.shrink_below {
                pool.scale(limit.saturating_sub(self.rules.shrink_by).max(least));
            }
            pool.close_idle(Duration::ZERO, pool.size().saturating_sub(pool.line.limit()));
            pool.close_idle(self.rules.idle, usize::MAX);
            if pool.line.asking() > 0 {
                // They came while it was held to its share.
                self.grow(&pool);
                pool.open_missing();
                self.free_rested(pool.line.lacking());
            }
        }
        let idle = millis(self.rules.idle);
        self.pools().retain(|key, pool| {
            key.tenant.is_none() || pool.size() > 0 || pool.is_active() || self.idle_millis(pool) <= idle
        });
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
