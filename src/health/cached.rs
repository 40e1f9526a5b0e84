//! How often the cache helped, as Prometheus is told.

use std::sync::{Arc, Mutex, PoisonError};

use entity::{CacheCounts, CacheStatus};
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::metrics::number;

/// What the data crate has counted; looked at only when somebody asks.
#[derive(Clone)]
pub(super) struct Cached {
    lookups: IntCounterVec,
    evictions: IntCounter,
    bytes: IntGauge,
    usable: IntGauge,
    /// Two who ask at once must not both add what is new.
    showing: Arc<Mutex<()>>,
}

impl Cached {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let cached = Self {
            lookups: IntCounterVec::new(
                Opts::new("tenantry_cache_lookups_total", "Reads that looked into the cache."),
                &["kind", "outcome"],
            )?,
            evictions: IntCounter::new("tenantry_cache_evictions_total", "Answers that had to make room for others.")?,
            bytes: IntGauge::new("tenantry_cache_bytes", "Bytes that the cache takes in this process.")?,
            usable: IntGauge::new("tenantry_cache_usable", "Whether the cache can be used now.")?,
            showing: Arc::default(),
        };
        registry.register(Box::new(cached.lookups.clone()))?;
        registry.register(Box::new(cached.evictions.clone()))?;
        registry.register(Box::new(cached.bytes.clone()))?;
        registry.register(Box::new(cached.usable.clone()))?;
        Ok(cached)
    }

    pub(super) fn show(&self, cache: CacheStatus) {
        let _alone = self.showing.lock().unwrap_or_else(PoisonError::into_inner);
        self.show_kind("names", cache.names);
        self.show_kind("rows", cache.rows);
        raise(&self.evictions, cache.evictions);
        self.bytes.set(number(cache.bytes));
        self.usable.set(i64::from(cache.is_usable));
    }

    fn show_kind(&self, kind: &str, counts: CacheCounts) {
        for (outcome, count) in [("hit", counts.hits), ("miss", counts.misses), ("bypass", counts.bypasses)] {
            raise(&self.lookups.with_label_values(&[kind, outcome]), count);
        }
    }
}

/// A counter only goes up.
fn raise(counter: &IntCounter, to: u64) {
    counter.inc_by(to.saturating_sub(counter.get()));
}

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;

    use super::*;

    #[test]
    fn what_was_counted_is_shown_as_it_is_however_often_it_is_asked_for() {
        let registry = Registry::new();
        let cached = Cached::new(&registry).unwrap();
        let rows = CacheCounts { hits: 7, misses: 2, bypasses: 1 };
        for _ in 0..2 {
            cached.show(CacheStatus { rows, is_usable: true, evictions: 3, bytes: 800, ..CacheStatus::default() });
        }
        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        assert!(text.contains(r#"tenantry_cache_lookups_total{kind="rows",outcome="hit"} 7"#), "{text}");
        assert!(text.contains("tenantry_cache_evictions_total 3\n") && text.contains("tenantry_cache_bytes 800\n"));
        assert!(text.contains("tenantry_cache_usable 1\n"), "{text}");
    }
}
