//! Requests of a tenant in a second, by the generic cell rate algorithm (GCRA): one second's worth may come at once, and
//! after that they come back evenly.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use uuid::Uuid;

/// After this long without a request a tenant has its whole second's worth again, so that nothing is lost by forgetting it.
const FORGOTTEN: Duration = Duration::from_secs(2);

/// Tenants among which nobody looks for idle ones.
const FEW: usize = 1_000;

/// The algorithm counts in nanoseconds.
const MOST: u64 = 1_000_000_000;

/// The tenants that sent something lately.
#[derive(Debug)]
pub(super) struct Rates {
    tenants: DashMap<Uuid, Arc<Rate>>,
    /// From how many tenants on idle ones are dropped.
    crowded: AtomicUsize,
    began: Instant,
    clock: DefaultClock,
}

#[derive(Debug)]
struct Rate {
    per_second: u64,
    limiter: DefaultDirectRateLimiter,
    /// In milliseconds since the process began to count.
    last_used: AtomicU64,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            tenants: DashMap::new(),
            crowded: AtomicUsize::new(FEW),
            began: Instant::now(),
            clock: DefaultClock::default(),
        }
    }
}

impl Rates {
    /// Counts one more, or says how long it is until there may be another.
    pub(super) fn count(&self, tenant: Uuid, per_second: u64) -> Result<(), Duration> {
        let Some(quota) = quota(per_second) else { return Err(Duration::from_secs(1)) };
        let rate = self.of(tenant, per_second, quota);
        rate.last_used.store(self.now(), Ordering::Relaxed);
        rate.limiter.check().map_err(|refused| refused.wait_time_from(self.clock.now()))
    }

    /// The tenant's rate; a new one if its limit is another than it was.
    fn of(&self, tenant: Uuid, per_second: u64, quota: Quota) -> Arc<Rate> {
        let same = self.tenants.get(&tenant).map(|rate| Arc::clone(&rate)).filter(|rate| rate.per_second == per_second);
        same.unwrap_or_else(|| {
            self.drop_idle();
            let limiter = RateLimiter::direct(quota);
            let rate = Arc::new(Rate { per_second, limiter, last_used: AtomicU64::new(self.now()) });
            self.tenants.insert(tenant, Arc::clone(&rate));
            rate
        })
    }

    /// Whenever there are twice as many as were left the last time: each is looked at a bounded number of times.
    fn drop_idle(&self) {
        if self.tenants.len() < self.crowded.load(Ordering::Relaxed) {
            return;
        }
        let (now, idle) = (self.now(), FORGOTTEN.as_millis() as u64);
        self.tenants.retain(|_, rate| now.saturating_sub(rate.last_used.load(Ordering::Relaxed)) < idle);
        self.crowded.store((2 * self.tenants.len()).max(FEW), Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    #[cfg(test)]
    pub(super) fn tenants(&self) -> usize {
        self.tenants.len()
    }
}

/// None if there may be no request at all.
fn quota(per_second: u64) -> Option<Quota> {
    let per_second = u32::try_from(per_second.min(MOST)).ok()?;
    NonZeroU32::new(per_second).map(Quota::per_second)
}
