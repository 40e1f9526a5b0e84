//! What Prometheus is told: requests, how full the connection pools are, and how often the cache helped.
//!
//! Every label has a bounded set of values: a path that no route matches, or a method that HTTP does not
//! know, is counted under one word, and no more tenants have a label than `METRICS_TENANTS` says.

use std::time::Instant;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web;
use entity::{BudgetStatus, CacheStatus, PoolStatus};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use super::cached::Cached;
use crate::http;
use crate::usage::busiest::Busiest;

/// The media type of [`Metrics::render`].
pub(super) const MEDIA_TYPE: &str = prometheus::TEXT_FORMAT;

/// Upper bounds of the duration histogram, in seconds.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The counters of one server; clones count together.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    in_flight: IntGauge,
    pools: Pools,
    budget: Budget,
    busiest: Busiest,
    cached: Cached,
}

impl Metrics {
    /// Counters at zero. At most so many tenants have series of their own.
    pub fn new(tenants: usize) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new("tenantry_http_requests_total", "Requests answered."),
            &["method", "route", "status"],
        )?;
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "tenantry_http_request_duration_seconds",
                "Time from a request to the head of its answer.",
            )
            .buckets(SECONDS.to_vec()),
            &["method", "route"],
        )?;
        let in_flight = IntGauge::new("tenantry_http_requests_in_flight", "Requests being worked on.")?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(durations.clone()))?;
        registry.register(Box::new(in_flight.clone()))?;
        let (pools, budget) = (Pools::new(&registry)?, Budget::new(&registry)?);
        let (busiest, cached) = (Busiest::new(&registry, tenants)?, Cached::new(&registry)?);
        Ok(Self { registry, requests, durations, in_flight, pools, budget, busiest, cached })
    }

    /// The series of tenants.
    pub fn busiest(&self) -> &Busiest {
        &self.busiest
    }

    /// Everything counted so far, and the pools, their budget and the cache as they are now, in Prometheus' text format.
    pub fn render(
        &self,
        pools: &[PoolStatus],
        budget: BudgetStatus,
        cache: CacheStatus,
    ) -> Result<String, prometheus::Error> {
        self.pools.show(pools);
        self.budget.show(budget);
        self.cached.show(cache);
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    fn answered(&self, method: &str, route: &str, status: StatusCode, since: Instant) {
        self.requests.with_label_values(&[method, route, class(status)]).inc();
        self.durations.with_label_values(&[method, route]).observe(since.elapsed().as_secs_f64());
    }
}

/// The connection pools; looked at only when somebody asks.
#[derive(Clone)]
struct Pools {
    connections: IntGaugeVec,
    most: IntGaugeVec,
    waiting: IntGaugeVec,
}

impl Pools {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            let gauge = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(gauge.clone())).map(|()| gauge)
        };
        Ok(Self {
            connections: gauge("tenantry_pool_connections", "Open database connections.", &["pool", "state"])?,
            most: gauge("tenantry_pool_connections_max", "Most connections that the pool opens.", &["pool"])?,
            waiting: gauge("tenantry_pool_waiting", "Requests that wait for a connection.", &["pool"])?,
        })
    }

    fn show(&self, pools: &[PoolStatus]) {
        // Pools of tenants' own databases come and go: what is no longer there must not show as it was last.
        self.connections.reset();
        self.most.reset();
        self.waiting.reset();
        for pool in pools {
            let name = label(pool);
            let idle = pool.size.saturating_sub(pool.in_use);
            self.connections.with_label_values(&[&name, "in_use"]).add(number(pool.in_use));
            self.connections.with_label_values(&[&name, "idle"]).add(number(idle));
            self.most.with_label_values(&[&name]).add(number(pool.limit));
            self.waiting.with_label_values(&[&name]).add(number(pool.waiting));
        }
    }
}

/// The connections of all pools together.
#[derive(Clone)]
struct Budget {
    limit: IntGauge,
    open: IntGauge,
    waiting: IntGauge,
}

impl Budget {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone())).map(|()| gauge)
        };
        Ok(Self {
            limit: gauge("tenantry_connection_budget", "Most database connections of this process.")?,
            open: gauge("tenantry_connections_open", "Database connections that count against the budget.")?,
            waiting: gauge("tenantry_connections_waiting", "Who waits for a connection to be closed elsewhere.")?,
        })
    }

    fn show(&self, budget: BudgetStatus) {
        self.limit.set(number(budget.limit));
        self.open.set(number(budget.open));
        self.waiting.set(number(budget.waiting));
    }
}

/// One word for all tenants' own databases: there can be thousands.
fn label(pool: &PoolStatus) -> String {
    match (&pool.datastore, pool.tenant) {
        (_, Some(_)) => "tenants".to_owned(),
        (Some(datastore), None) => format!("{datastore}:{}", pool.role),
        (None, None) => pool.role.to_owned(),
    }
}

pub(super) fn number(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// Counts a request; wrap the whole application in `from_fn(track)`.
pub async fn track(
    metrics: web::Data<Metrics>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let since = Instant::now();
    let method = known(request.method());
    let route = http::route(request.request());
    let _working = InFlight::enter(&metrics.in_flight);
    let answer = next.call(request).await;
    let status = match &answer {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    metrics.answered(method, route.as_deref().unwrap_or("unmatched"), status, since);
    answer
}

/// Counts as in flight until dropped, also when the client goes away in the middle.
struct InFlight(IntGauge);

impl InFlight {
    fn enter(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, HttpResponse};

    use super::*;

    const UNSPENT: BudgetStatus = BudgetStatus { limit: 100, open: 0, waiting: 0 };

    async fn count(requests: &[(Method, &str)]) -> String {
        let metrics = Metrics::new(0).unwrap();
        let scope = web::scope("/v1").route("/users/{id}", web::get().to(HttpResponse::Ok));
        let app = App::new().app_data(web::Data::new(metrics.clone())).wrap(from_fn(track)).service(scope);
        let app = init_service(app).await;
        for (method, path) in requests {
            call_service(&app, TestRequest::default().method(method.clone()).uri(path).to_request()).await;
        }
        metrics.render(&[], UNSPENT, CacheStatus::default()).unwrap()
    }

    #[actix_web::test]
    async fn requests_are_counted_by_the_pattern_of_their_route() {
        let text = count(&[(Method::GET, "/v1/users/1"), (Method::GET, "/v1/users/2?x=y")]).await;
        let line = r#"tenantry_http_requests_total{method="GET",route="/v1/users/{id}",status="2xx"} 2"#;
        assert!(text.contains(line), "{text}");
        let line = r#"tenantry_http_request_duration_seconds_count{method="GET",route="/v1/users/{id}"} 2"#;
        assert!(text.contains(line), "{text}");
        assert!(text.contains("tenantry_http_requests_in_flight 0"), "{text}");
    }

    #[actix_web::test]
    async fn what_clients_make_up_does_not_become_a_label() {
        let made_up = Method::from_bytes(b"MADEUP").unwrap();
        let text = count(&[(made_up, "/no/such/path"), (Method::GET, "/another")]).await;
        assert!(!text.contains("MADEUP") && !text.contains("/no/such") && !text.contains("/another"), "{text}");
        let line = r#"tenantry_http_requests_total{method="other",route="unmatched",status="4xx"} 1"#;
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn a_pool_shows_what_is_lent_out_and_what_is_not() {
        let pool = PoolStatus {
            datastore: None,
            tenant: None,
            role: "serving",
            size: 5,
            in_use: 2,
            waiting: 0,
            limit: 50,
            min: 5,
            max: 50,
            last_scaling: None,
        };
        let budget = BudgetStatus { open: 7, ..UNSPENT };
        let text = Metrics::new(0).unwrap().render(&[pool], budget, CacheStatus::default()).unwrap();
        assert!(text.contains(r#"tenantry_pool_connections{pool="serving",state="idle"} 3"#), "{text}");
        assert!(text.contains(r#"tenantry_pool_connections_max{pool="serving"} 50"#), "{text}");
        assert!(text.contains("tenantry_connection_budget 100\n"), "{text}");
        assert!(text.contains("tenantry_connections_open 7\n"), "{text}");
    }
}
