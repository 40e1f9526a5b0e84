//! Sessions that begin with what holds for each of their statements, so that a read need not say it in a transaction.
//!
//! What is said is the same for every tenant: how long a statement may take, that the server looks whether anybody still
//! waits for it, and that what is prepared is planned once. Which tenant it is for is never among it.
//!
//! A pooler in transaction mode gives a client another session each time. It refuses what is said here, or drops it; then
//! each transaction says it, as it does on Citus, which hears of a tenant only from a `SET LOCAL`.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use uuid::Uuid;

use super::binding::LOOKS_FOR_CLIENT;
use super::raw::Session;
use super::{Connection, Source};

/// The setting that tells a session from others'.
const NAME: &str = "app.session";

/// protocol_violation: how PgBouncer refuses a client that wants more than it knows.
const REFUSED: &str = "08P01";

/// How sessions at one address begin. Clones know together what has been found out.
#[derive(Clone)]
pub(crate) struct Sessions {
    statement_timeout: Duration,
    /// Whether they are a client's own, once one has been looked at: who is in between does not change.
    are_own: Arc<OnceLock<bool>>,
}

impl Sessions {
    pub(super) fn new(statement_timeout: Duration) -> Self {
        Self { statement_timeout, are_own: Arc::default() }
    }

    /// Opens a connection, with a session of its own if that can be had.
    pub(super) async fn open(self, source: Source) -> Result<Connection, sqlx::Error> {
        let Source::Postgres(options) = &source else { return source.connect().await };
        if Session::of(options) == Session::Passing || self.are_own.get() == Some(&false) {
            return source.connect().await;
        }
        let name = Uuid::now_v7().to_string();
        let mut connection = match Source::Postgres(Box::new(self.beginning(options, &name))).connect().await {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(REFUSED) => {
                self.are_own.get_or_init(|| false);
                return source.connect().await;
            }
            connected => connected?,
        };
        let is_own = match self.are_own.get() {
            Some(known) => *known,
            None => {
                let found = is_own(&mut connection, &name).await?;
                *self.are_own.get_or_init(|| found)
            }
        };
        Ok(if is_own { connection.with_own_session() } else { connection })
    }

    fn beginning(&self, options: &PgConnectOptions, name: &str) -> PgConnectOptions {
        options.clone().options([
            (NAME, name.to_owned()),
            ("statement_timeout", self.statement_timeout.as_millis().to_string()),
            ("client_connection_check_interval", LOOKS_FOR_CLIENT.as_millis().to_string()),
            // Whoever waited for a lock must see what was committed meanwhile: the fence is made of that.
            ("default_transaction_isolation", "read committed".to_owned()),
            // A statement is prepared to be planned once. Left to itself, PostgreSQL plans most of them anew each time, because a
            // limit that it knows looks cheaper than one that it does not: that costs more than the read.
            ("plan_cache_mode", "force_generic_plan".to_owned()),
            // The usual one. Were it nought, PostgreSQL would take nothing for cheap, and look at a policy before what binds the tenant.
            ("cpu_operator_cost", "0.0025".to_owned()),
        ])
    }
}

/// Looks whether it is the very session that began so, on a server that hears of a tenant from a statement.
async fn is_own(connection: &mut Connection, name: &str) -> Result<bool, sqlx::Error> {
    let look = format!(
        "SELECT 1 WHERE current_setting('{NAME}', true) = '{name}'
         AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')"
    );
    Ok(connection.run_counting(&look).await? == 1)
}
