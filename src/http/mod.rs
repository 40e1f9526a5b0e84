//! HTTP as this service speaks it: bodies, queries, paths, entity tags, idempotency, lists, refusals.
//!
//! What a request carries is *taken* by extractors that never fail and *read* in the handler
//! (`body.valid_in(&caller)?`, `query.valid()?`, `id.valid()?`). So who is asking is always settled first: a
//! stranger learns from a bad body no more than from a good one.

pub mod answer;
pub mod body;
mod cors;
pub mod etag;
mod fallback;
pub mod idempotency;
pub mod middleware;
pub mod paging;
pub(crate) mod path;
pub mod problem;
mod query;
mod route_table;
pub mod rules;
mod span;
pub mod time;
mod trace;

use std::time::Duration;

pub use body::JsonBody;
pub use cors::cors;
pub use fallback::fallback;
pub use path::PathId;
pub use query::QueryParams;
pub use route_table::RouteTable;
pub use trace::{hold, note_tenant, request_id, route};

/// How much of a request is put up with. Belongs in the application's data.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest body, in bytes.
    pub body: usize,
    /// Longest time to an answer.
    pub time: Duration,
    /// The path whose body has no end: it is taken in piece by piece, and each piece has that time.
    pub streamed: Option<&'static str>,
}
