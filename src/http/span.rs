//! The span of a request, for traces.
//!
//! It is of the level TRACE and of a target of its own: without a collector nobody makes it, and nothing of it costs anything.

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use opentelemetry::global;
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::TraceContextExt;
use tracing::Span;
use tracing::field::{Empty, display};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::trace::Trace;

/// A span, as a child of the one that the client names in `traceparent`.
pub(super) fn begin(request: &ServiceRequest, trace: &Trace) -> Span {
    let span = tracing::trace_span!(
        target: "tenantry::span",
        "request",
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = trace.method.as_str(),
        http.route = Empty,
        http.response.status_code = Empty,
        tenant.id = Empty,
        request.id = trace.id,
    );
    if !span.is_disabled() {
        let parent = global::get_text_map_propagator(|propagator| propagator.extract(&Carrier(request.headers())));
        // Only fails for a span that nobody exports.
        let _ = span.set_parent(parent);
    }
    span
}

/// What is known once there is an answer. No path, which holds ids: the route's pattern.
pub(super) fn end(span: &Span, trace: &Trace, status: StatusCode) {
    if span.is_disabled() {
        return;
    }
    let route = trace.route();
    span.context().span().update_name(format!("{} {route}", trace.method));
    span.record("http.route", route);
    span.record("http.response.status_code", status.as_u16());
    if let Some(tenant) = trace.tenant() {
        span.record("tenant.id", display(tenant));
    }
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// A request's headers, as those who read `traceparent` want them.
struct Carrier<'h>(&'h HeaderMap);

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}
