//! Series of the busiest tenants in `/metrics`; all the others are one.
//!
//! Each series only grows: what a tenant used is added to the series that it has at that moment, which is its own or `other`.
//! A tenant that is no longer among the busiest loses its series, and begins a new one should it come back.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use entity::Counts;
use prometheus::{IntCounterVec, Opts, Registry};
use uuid::Uuid;

/// The series of tenants that have none of their own.
const OTHER: &str = "other";

/// What is left of a tenant's score each time that it fades: of two minutes ago, little counts.
const FADES: f64 = 0.95;

/// Below this score a tenant is not remembered.
const FORGOTTEN: f64 = 0.5;

/// How much more a newcomer must do than who has a series: two that do the same must not take turns.
const AHEAD: f64 = 1.5;

/// Counts by tenant; clones count together.
#[derive(Clone)]
pub struct Busiest {
    series: Series,
    most: usize,
    scores: Arc<Mutex<Scores>>,
}

#[derive(Default)]
struct Scores {
    of: HashMap<Uuid, f64>,
    named: HashSet<Uuid>,
}

impl Busiest {
    /// At most so many tenants have series of their own.
    pub fn new(registry: &Registry, most: usize) -> Result<Self, prometheus::Error> {
        Ok(Self { series: Series::new(registry)?, most, scores: Arc::default() })
    }

    /// Lets what tenants did until now count for less. To be called in even intervals.
    pub fn fade(&self) {
        self.scores().fade();
    }

    /// Adds what tenants used since the last time.
    pub fn count(&self, used: &[(Uuid, Counts)]) {
        let mut scores = self.scores();
        for gone in scores.turn(used, self.most) {
            self.series.remove(&gone.to_string());
        }
        for (tenant, counts) in used {
            match scores.named.contains(tenant) {
                true => self.series.add(&tenant.to_string(), counts),
                false => self.series.add(OTHER, counts),
            }
        }
    }

    fn scores(&self) -> MutexGuard<'_, Scores> {
        self.scores.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scores {
    fn fade(&mut self) {
        self.of.values_mut().for_each(|score| *score *= FADES);
        self.of.retain(|_, score| *score >= FORGOTTEN);
    }

    /// Lets scores grow, names the busiest, and returns who is no longer named.
    fn turn(&mut self, used: &[(Uuid, Counts)], most: usize) -> Vec<Uuid> {
        for (tenant, counts) in used {
            *self.of.entry(*tenant).or_default() += counts.requests as f64;
        }
        let named = self.busiest(most);
        let gone = self.named.difference(&named).copied().collect();
        self.named = named;
        gone
    }

    fn busiest(&self, most: usize) -> HashSet<Uuid> {
        let rank = |tenant: &Uuid, score: &f64| if self.named.contains(tenant) { score * AHEAD } else { *score };
        let mut ranked: Vec<_> = self.of.iter().map(|(tenant, score)| (rank(tenant, score), *tenant)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked.into_iter().take(most).map(|(_, tenant)| tenant).collect()
    }
}

/// How one thing that is counted is read.
type Read = fn(&Counts) -> u64;

/// One counter for each thing that is counted.
#[derive(Clone)]
struct Series(Vec<(IntCounterVec, Read)>);

impl Series {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counted: [(&str, &str, Read); 7] = [
            ("tenantry_tenant_requests_total", "Requests of the tenant.", |counts| counts.requests),
            ("tenantry_tenant_errors_total", "Of these, answered with 5xx.", |counts| counts.errors),
            ("tenantry_tenant_refused_total", "Of these, refused with 429.", |counts| counts.refused),
            ("tenantry_tenant_received_bytes_total", "Bytes of bodies taken in.", |counts| counts.bytes_in),
            ("tenantry_tenant_sent_bytes_total", "Bytes of bodies sent.", |counts| counts.bytes_out),
            ("tenantry_tenant_database_microseconds_total", "Time with a database connection.", |counts| {
                counts.database_micros
            }),
            ("tenantry_tenant_cache_hits_total", "Answers that the cache had.", |counts| counts.cache_hits),
        ];
        let counter = |(name, help, read): (&str, &str, Read)| {
            let counter = IntCounterVec::new(Opts::new(name, help), &["tenant"])?;
            registry.register(Box::new(counter.clone()))?;
            Ok((counter, read))
        };
        counted.into_iter().map(counter).collect::<Result<_, _>>().map(Self)
    }

    fn add(&self, tenant: &str, counts: &Counts) {
        for (counter, read) in &self.0 {
            counter.with_label_values(&[tenant]).inc_by(read(counts));
        }
    }

    fn remove(&self, tenant: &str) {
        for (counter, _) in &self.0 {
            // Fails only if there is no such series.
            let _ = counter.remove_label_values(&[tenant]);
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;

    use super::*;

    fn requests(requests: u64) -> Counts {
        Counts { requests, ..Counts::default() }
    }

    fn lines(registry: &Registry) -> Vec<String> {
        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        text.lines().filter(|line| line.starts_with("tenantry_tenant_requests_total{")).map(str::to_owned).collect()
    }

    #[test]
    fn there_are_never_more_series_than_allowed_and_nothing_is_lost() {
        let registry = Registry::new();
        let busiest = Busiest::new(&registry, 2).unwrap();
        let tenants: Vec<Uuid> = (0..500).map(|_| Uuid::now_v7()).collect();
        for round in 0..20 {
            let used: Vec<_> =
                tenants.iter().enumerate().map(|(n, id)| (*id, requests(((n + round * 7) % 50) as u64))).collect();
            busiest.count(&used);
            assert!(lines(&registry).len() <= 3, "{:?}", lines(&registry));
        }
        busiest.count(&[(tenants[0], requests(10_000))]);
        let own = format!("tenantry_tenant_requests_total{{tenant=\"{}\"}}", tenants[0]);
        assert!(lines(&registry).iter().any(|line| line.starts_with(&own)), "{:?}", lines(&registry));
    }

    #[test]
    fn all_series_together_count_everything_of_tenants_that_stay() {
        let registry = Registry::new();
        let busiest = Busiest::new(&registry, 1).unwrap();
        let (busy, calm) = (Uuid::now_v7(), Uuid::now_v7());
        for _ in 0..3 {
            busiest.count(&[(busy, requests(9)), (calm, requests(1))]);
        }
        let lines = lines(&registry);
        assert!(lines.contains(&format!("tenantry_tenant_requests_total{{tenant=\"{busy}\"}} 27")), "{lines:?}");
        assert!(lines.contains(&"tenantry_tenant_requests_total{tenant=\"other\"} 3".to_owned()), "{lines:?}");
    }

    #[test]
    fn tenants_that_do_nothing_are_forgotten() {
        let mut scores = Scores::default();
        let idle = Uuid::now_v7();
        scores.turn(&[(idle, requests(5))], 10);
        for _ in 0..100 {
            scores.turn(&[], 10);
        }
        assert!(scores.named.contains(&idle), "reading what was counted, however often, is no time that passes");
        for _ in 0..100 {
            scores.fade();
        }
        scores.turn(&[], 10);
        assert!(scores.of.is_empty() && scores.named.is_empty());
    }
}
