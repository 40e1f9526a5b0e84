//! How many requests a tenant may send: so many a second, and so many at the same time.
//!
//! A request passes here as soon as its tenant is known, before anything of the tenant's is touched. What a tenant may is in
//! its row, which admission has just read, so a changed limit holds from the next request on. The state is this process's
//! own, apart from the rate where there is a Redis; only tenants that sent something lately have one.

mod concurrency;
mod rate;
mod shared;

use std::time::Duration;

use entity::Tenant;
use entity::deadpool_redis::Pool;
use futures_util::FutureExt;

use concurrency::Concurrency;
pub use concurrency::Permit;
use rate::Rates;
use shared::SharedRates;

use uuid::Uuid;

use crate::config::LimitsConfig;
use crate::error::Error;

/// Lets requests of tenants in, or tells them to come again.
pub struct Limiter {
    defaults: LimitsConfig,
    rates: Rates,
    shared: Option<SharedRates>,
    concurrency: Concurrency,
}

impl Limiter {
    /// Nobody has sent anything yet. With a Redis, all processes that have the same count the rate together.
    pub fn new(defaults: LimitsConfig, redis: Option<Pool>) -> Self {
        let shared = redis.map(SharedRates::new);
        Self { defaults, rates: Rates::default(), shared, concurrency: Concurrency::default() }
    }

    /// Counts a request of the tenant against its limits. Keep the permit until the request is answered. Fails with
    /// [`Error::RateLimited`] and the seconds to wait.
    pub async fn admit(&self, tenant: &Tenant) -> Result<Option<Permit>, Error> {
        let limits = &tenant.limits;
        let at_once = limits.concurrent_requests.or(self.defaults.concurrent_requests);
        // First: what is refused here must not count against the rate.
        let permit = at_once.map(|most| self.concurrency.enter(tenant.id, most).ok_or(too_many(Duration::ZERO)));
        let permit = permit.transpose()?;
        let per_second = limits.requests_per_second.or(self.defaults.requests_per_second);
        if let Some(most) = per_second {
            self.count(tenant.id, most).await.map_err(too_many)?;
        }
        Ok(permit)
    }

    async fn count(&self, tenant: Uuid, most: u64) -> Result<(), Duration> {
        // Boxed: whoever has no rate should not carry the future of asking Redis.
        if let Some(shared) = &self.shared
            && let Some(counted) = shared.count(tenant, most).boxed_local().await
        {
            return counted;
        }
        self.rates.count(tenant, most)
    }
}

/// In whole seconds, one at least.
fn too_many(wait: Duration) -> Error {
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    Error::RateLimited { retry_after: u32::try_from(seconds).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests;
