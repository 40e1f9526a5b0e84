//! What an operator is told of statements: a span for traces, and a line in the log for a slow one. Never a value.

use std::time::{Duration, Instant};

use sea_orm::DbBackend;
use tracing::{Instrument, Span};

const VERBS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

/// Statements of one lease, as they are watched.
#[derive(Clone, Copy)]
pub(super) struct Watch {
    pub(super) backend: DbBackend,
    /// From how long on a statement is slow; none for never.
    pub(super) slow: Option<Duration>,
}

/// A statement under way.
pub(super) struct Watched {
    span: Span,
    /// From how long on it is slow, and its text.
    slow: Option<(Duration, String)>,
}

impl Watch {
    /// Begins to watch a statement, given with placeholders. Its text is copied only for whoever wants to hear of slow ones.
    pub(super) fn begin(self, sql: &str) -> Watched {
        Watched { span: self.span(sql), slow: self.slow.map(|slow| (slow, sql.to_owned())) }
    }

    /// Of the level TRACE: logging alone does not make it.
    fn span(self, sql: &str) -> Span {
        let system = match self.backend {
            DbBackend::Postgres => "postgresql",
            _ => "sqlite",
        };
        tracing::trace_span!(
            target: "tenantry::span",
            "statement",
            otel.name = verb(sql),
            otel.kind = "client",
            db.system.name = system,
            db.query.text = sql,
        )
    }
}

/// What a statement does, or the first part of one that begins with `WITH`.
fn verb(sql: &str) -> &str {
    let mut words = sql.split([' ', '(', '\n']);
    let first = words.clone().next().unwrap_or_default();
    if first == "WITH" { words.find(|word| VERBS.contains(word)).unwrap_or(first) } else { first }
}

impl Watched {
    /// Waits for the answer.
    pub(super) async fn over<T>(self, answer: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let answer = answer.instrument(self.span).await;
        let took = began.elapsed();
        if let Some((_, sql)) = self.slow.filter(|(slow, _)| took >= *slow) {
            let duration_ms = took.as_secs_f64() * 1000.0;
            tracing::warn!(target: "tenantry::slow", duration_ms, statement = sql, "slow statement");
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::verb;

    #[test]
    fn a_statement_is_called_by_what_it_does() {
        assert_eq!(verb("SELECT 1"), "SELECT");
        assert_eq!(verb("SAVEPOINT one"), "SAVEPOINT");
        let changed =
            |verb: &str| format!(r#"WITH "changed" AS ({verb} "posts" RETURNING "id") SELECT "id" FROM "changed""#);
        assert_eq!(verb(&changed("UPDATE")), "UPDATE");
        assert_eq!(verb(&changed("DELETE FROM")), "DELETE");
        assert_eq!(
            verb(
                r#"WITH "entered" ("id") AS (INSERT INTO "tallies" ("id") SELECT 1) INSERT INTO "posts" ("id") SELECT 1"#
            ),
            "INSERT"
        );
    }
}
