//! For how long answers are kept: as long as nobody can have changed unheard what they say.

use std::time::Duration;

use crate::settings::{CacheMode, DatabaseSettings};

/// Longest that a `COMMIT` goes on after the longest statement, in a server that nobody hears of any more.
const COMMIT_ENDS: Duration = Duration::from_secs(5);

/// For how long what is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    /// A row or list.
    pub(super) rows: Duration,
    /// Which tenant a name names.
    pub(super) names: Duration,
    /// How far a name may be behind, where nobody says what other processes change.
    pub(super) behind: Duration,
    /// That a name names nobody, in Redis: names can be made up.
    pub(super) nobody: Duration,
    /// How long an area is read past the cache if nobody says how a commit ended.
    pub(super) commit: Duration,
}

impl Lifetimes {
    pub(super) fn of(settings: &DatabaseSettings) -> Self {
        let cache = &settings.cache;
        // Redis says at once what another process has changed.
        let is_told = settings.redis.is_some();
        let is_alone = settings.is_embedded() || cache.mode == CacheMode::Alone;
        Self {
            rows: if is_told || is_alone { cache.ttl } else { cache.ttl.min(cache.tenant_ttl) },
            // A place that a tenant has left is kept for a request longer than this.
            names: if is_told { cache.ttl.min(settings.request_timeout / 2) } else { cache.ttl },
            behind: cache.ttl.min(cache.tenant_ttl),
            nobody: cache.tenant_ttl,
            commit: settings.statement_timeout + COMMIT_ENDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of rows, of names, and how far those may be behind.
    fn lifetimes(pairs: &[(&str, &str)]) -> (u128, u128, u128) {
        let find = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let lifetimes = Lifetimes::of(&DatabaseSettings::from_lookup(&find).unwrap());
        (lifetimes.rows.as_millis(), lifetimes.names.as_millis(), lifetimes.behind.as_millis())
    }

    #[test]
    fn rows_that_others_may_change_unheard_are_kept_no_longer_than_names_may_be_behind() {
        let postgres = ("DATABASE_URL", "postgres://localhost/tenantry");
        assert_eq!(lifetimes(&[]), (60_000, 60_000, 1_000), "a file has one process");
        assert_eq!(lifetimes(&[postgres]), (1_000, 60_000, 1_000));
        assert_eq!(lifetimes(&[postgres, ("CACHE", "alone"), ("CACHE_TTL", "5s")]), (5_000, 5_000, 1_000));
        assert_eq!(lifetimes(&[postgres, ("REDIS_URL", "redis://localhost")]), (60_000, 15_000, 1_000));
        let hasty = [postgres, ("REDIS_URL", "redis://localhost"), ("REQUEST_TIMEOUT", "300ms")];
        assert_eq!(lifetimes(&hasty), (60_000, 150, 150));
    }
}
