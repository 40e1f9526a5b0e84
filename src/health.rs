//! What machines ask about the process: does it live, can it serve, what has it done.
//!
//! None of this needs a token, so none of it names a tenant, an address or a cause: causes go to the log.

mod cached;
mod metrics;

use std::time::Duration;

use actix_web::{HttpResponse, get, web};
use entity::Database;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

pub use metrics::{Metrics, track};

use crate::error::Error;

/// How long a dependency may take to answer before it counts as away.
const PATIENCE: Duration = Duration::from_secs(2);

/// Says that the process lives.
#[derive(Serialize, ToSchema)]
pub struct Health {
    status: State,
}

/// Says whether requests can be served, and if not, what is missing.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    status: State,
    dependencies: Vec<Dependency>,
}

/// Something that requests need.
#[derive(Serialize, ToSchema)]
struct Dependency {
    #[schema(example = "database")]
    name: &'static str,
    status: State,
}

/// Answers, or does not.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Unavailable,
}

/// Whether the process lives
#[utoipa::path(tag = "operations", responses((status = 200, description = "It lives.", body = Health)))]
#[get("/healthz")]
pub(crate) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: State::Ok })
}

/// Whether the process can serve requests
///
/// It can when everything it depends on answers within two seconds.
#[utoipa::path(
    tag = "operations",
    responses(
        (status = 200, description = "It can.", body = Readiness),
        (status = 503, description = "It cannot: `dependencies` says what does not answer.", body = Readiness),
    )
)]
#[get("/readyz")]
pub(crate) async fn readyz(database: web::Data<Database>) -> HttpResponse {
    let database = Dependency { name: "database", status: ping(&database).await };
    let readiness = Readiness { status: database.status, dependencies: vec![database] };
    match readiness.status {
        State::Ok => HttpResponse::Ok().json(readiness),
        State::Unavailable => HttpResponse::ServiceUnavailable().json(readiness),
    }
}

/// What the process has done, in Prometheus' text format
#[utoipa::path(
    tag = "operations",
    responses((status = 200, description = "Counters, gauges and histograms.", body = String, content_type = "text/plain"))
)]
#[get("/metrics")]
pub(crate) async fn metrics_text(
    metrics: web::Data<Metrics>,
    database: web::Data<Database>,
) -> Result<HttpResponse, Error> {
    let text = metrics.render(&database.pools(), database.budget(), database.cache()).map_err(Error::internal)?;
    Ok(HttpResponse::Ok().content_type(metrics::MEDIA_TYPE).body(text))
}

async fn ping(database: &Database) -> State {
    match timeout(PATIENCE, database.ping()).await {
        Ok(Ok(())) => State::Ok,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database does not answer");
            State::Unavailable
        }
        Err(_) => {
            tracing::warn!("the database does not answer in {PATIENCE:?}");
            State::Unavailable
        }
    }
}
