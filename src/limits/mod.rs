//! How many requests a tenant may send: so many a second, and so many at the same time.
//!
//! A request passes here as soon as its tenant is known, before anything of the tenant's is touched. What a tenant may is in
//! its row, which admission has just read, so a changed limit holds from the next request on. The state is this process's
//! own; only tenants that sent something lately have one.

mod concurrency;
mod rate;

use std::time::Duration;

use entity::Tenant;

use concurrency::Concurrency;
pub use concurrency::Permit;
use rate::Rates;

use crate::config::LimitsConfig;
use crate::error::Error;

/// Lets requests of tenants in, or tells them to come again.
#[derive(Debug)]
pub struct Limiter {
    defaults: LimitsConfig,
    rates: Rates,
    concurrency: Concurrency,
}

impl Limiter {
    /// Nobody has sent anything yet.
    pub fn new(defaults: LimitsConfig) -> Self {
        Self { defaults, rates: Rates::default(), concurrency: Concurrency::default() }
    }

    /// Counts a request of the tenant against its limits. Keep the permit until the request is answered. Fails with
    /// [`Error::RateLimited`] and the seconds to wait.
    pub fn admit(&self, tenant: &Tenant) -> Result<Option<Permit>, Error> {
        let limits = &tenant.limits;
        let at_once = limits.concurrent_requests.or(self.defaults.concurrent_requests);
        // First: what is refused here must not count against the rate.
        let permit = at_once.map(|most| self.concurrency.enter(tenant.id, most).ok_or(too_many(Duration::ZERO)));
        let permit = permit.transpose()?;
        let per_second = limits.requests_per_second.or(self.defaults.requests_per_second);
        per_second.map_or(Ok(()), |most| self.rates.count(tenant.id, most)).map_err(too_many)?;
        Ok(permit)
    }
}

/// In whole seconds, one at least.
fn too_many(wait: Duration) -> Error {
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    Error::RateLimited { retry_after: u32::try_from(seconds).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests;
