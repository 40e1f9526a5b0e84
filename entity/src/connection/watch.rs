//! What an operator is told of statements: a span for traces, and a line in the log for a slow one. Never a value.

use std::time::{Duration, Instant};

use sea_orm::DbBackend;
use tracing::{Instrument, Span};

/// Statements of one lease, as they are watched.
#[derive(Clone, Copy)]
pub(super) struct Watch {
    pub(super) backend: DbBackend,
    /// From how long on a statement is slow; none for never.
    pub(super) slow: Option<Duration>,
}

impl Watch {
    /// Waits for the answer to a statement, given with placeholders.
    pub(super) async fn over<T>(self, sql: &str, answer: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let answer = answer.instrument(self.span(sql)).await;
        let took = began.elapsed();
        if self.slow.is_some_and(|slow| took >= slow) {
            let duration_ms = took.as_secs_f64() * 1000.0;
            tracing::warn!(target: "tenantry::slow", duration_ms, statement = sql, "slow statement");
        }
        answer
    }

    /// Of the level TRACE: logging alone does not make it.
    fn span(self, sql: &str) -> Span {
        let system = match self.backend {
            DbBackend::Postgres => "postgresql",
            _ => "sqlite",
        };
        let verb = sql.split_ascii_whitespace().next().unwrap_or_default();
        tracing::trace_span!(
            target: "tenantry::span",
            "statement",
            otel.name = verb,
            otel.kind = "client",
            db.system.name = system,
            db.query.text = sql,
        )
    }
}
