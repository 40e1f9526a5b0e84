//! Counters of each tenant, in memory.

use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use serde::Serialize;
use uuid::Uuid;

/// What a tenant used, or all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests that were answered.
    pub requests: u64,
    /// Of these, with a fault of the service (5xx).
    pub errors: u64,
    /// Of these, refused because the tenant sent too much (429).
    pub refused: u64,
    /// Bytes of bodies that were taken in.
    pub bytes_in: u64,
    /// Bytes of bodies that were sent.
    pub bytes_out: u64,
    /// Microseconds for which the tenant held database connections.
    pub database_micros: u64,
    /// Answers that the cache had.
    pub cache_hits: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let sum = |own: &mut u64, more: u64| *own = own.saturating_add(more);
        sum(&mut self.requests, other.requests);
        sum(&mut self.errors, other.errors);
        sum(&mut self.refused, other.refused);
        sum(&mut self.bytes_in, other.bytes_in);
        sum(&mut self.bytes_out, other.bytes_out);
        sum(&mut self.database_micros, other.database_micros);
        sum(&mut self.cache_hits, other.cache_hits);
    }
}

/// Counts what tenants use; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Usage(Arc<DashMap<Uuid, Arc<Counters>>>);

impl Usage {
    /// Counts this, too.
    pub fn add(&self, tenant: Uuid, counts: Counts) {
        self.of(tenant).add(counts);
    }

    /// Counts an answer that the cache had.
    pub fn cache_hit(&self, tenant: Uuid) {
        self.of(tenant).cache_hits.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes what has been counted since the last time; tenants that did nothing are forgotten.
    pub fn take(&self) -> Vec<(Uuid, Counts)> {
        let mut taken = Vec::new();
        self.0.retain(|tenant, counters| {
            let counts = counters.take();
            let did_something = counts != Counts::default();
            if did_something {
                taken.push((*tenant, counts));
            }
            // Whoever holds the counters goes on counting with them.
            did_something || Arc::strong_count(counters) > 1
        });
        taken
    }

    pub(crate) fn of(&self, tenant: Uuid) -> Arc<Counters> {
        if let Some(counters) = self.0.get(&tenant) {
            return Arc::clone(&counters);
        }
        Arc::clone(&self.0.entry(tenant).or_default())
    }
}

/// One tenant's.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
    errors: AtomicU64,
    refused: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    database_micros: AtomicU64,
    cache_hits: AtomicU64,
}

impl Counters {
    /// Counts for how long a connection was held.
    pub(crate) fn held(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.database_micros.fetch_add(micros, Ordering::Relaxed);
    }

    fn add(&self, counts: Counts) {
        let add = |counter: &AtomicU64, more| {
            if more > 0 {
                counter.fetch_add(more, Ordering::Relaxed);
            }
        };
        add(&self.requests, counts.requests);
        add(&self.errors, counts.errors);
        add(&self.refused, counts.refused);
        add(&self.bytes_in, counts.bytes_in);
        add(&self.bytes_out, counts.bytes_out);
        add(&self.database_micros, counts.database_micros);
        add(&self.cache_hits, counts.cache_hits);
    }

    fn take(&self) -> Counts {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        Counts {
            requests: take(&self.requests),
            errors: take(&self.errors),
            refused: take(&self.refused),
            bytes_in: take(&self.bytes_in),
            bytes_out: take(&self.bytes_out),
            database_micros: take(&self.database_micros),
            cache_hits: take(&self.cache_hits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_counted_is_lost_or_doubled() {
        let (usage, tenants) = (Usage::default(), [Uuid::now_v7(), Uuid::now_v7()]);
        let mut total = Counts::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..10_000 {
                        usage.add(tenants[number % 2], Counts { requests: 1, ..Counts::default() });
                        usage.cache_hit(tenants[0]);
                    }
                });
            }
            for _ in 0..100 {
                usage.take().into_iter().for_each(|(_, counts)| total += counts);
            }
        });
        usage.take().into_iter().for_each(|(_, counts)| total += counts);
        assert_eq!((total.requests, total.cache_hits), (40_000, 40_000));
        assert!(usage.take().is_empty() && usage.0.is_empty(), "idle tenants are forgotten");
    }
}
