//! A connection for one transaction.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::Object;
use sea_orm::{DbBackend, QueryResult, Statement};
use uuid::Uuid;

use super::pool::{self, Pool, Pooled};
use super::{Access, Connection, Pools};
use crate::Error;
use crate::error::{Keys, is_recoverable};

/// For whom a transaction runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// For one tenant: row-level security shows its rows only.
    Tenant(Uuid),
    /// For the platform, on the platform's connection.
    Platform,
}

/// A statement as it is sent.
pub struct Observed<'a> {
    /// Its text, with placeholders.
    pub sql: &'a str,
    /// Its values as SQL literals, in order.
    pub values: Vec<String>,
}

/// Is shown every statement before it is sent. For tests that prove what was sent; it sees values, so it must not log.
pub type Observer = Arc<dyn Fn(&Observed<'_>) + Send + Sync>;

/// How transactions are run, whoever they are for.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) statement_timeout: Duration,
    pub(crate) observer: Option<Observer>,
}

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Terms({:?})", self.statement_timeout)
    }
}

/// A connection lent for one transaction. It goes back to its pool only after the transaction has ended and the database
/// has said so; in every other case (an error it may not have recovered from, a panic, a dropped future) it is closed.
pub(crate) struct Lease {
    pooled: Option<Pooled>,
    ended: bool,
    failed: bool,
    terms: Terms,
    backend: DbBackend,
}

impl Lease {
    /// Takes a connection and begins a transaction that is bound to the tenant, in one round trip.
    ///
    /// A pooled connection may have died since it was used (a restarted server, a cut network): nothing has happened yet, so the
    /// next one is tried, and at last a new one.
    pub(crate) async fn begin(pools: &Pools, access: Access, binding: Binding, terms: &Terms) -> Result<Self, Error> {
        let pool = pools.of(access);
        let mut last = Error::Busy;
        for _ in 0..=pool.status().size {
            let mut lease = Self::take(pool, terms).await?;
            let begin = lease.begin_sql(access, binding);
            match lease.run(&begin).await {
                Ok(()) => return Ok(lease),
                Err(error @ Error::Unavailable(_)) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// Runs one reading statement that needs no transaction and no tenant. It may be sent again on another connection if
    /// a pooled one turns out to have died.
    pub(crate) async fn read_alone(
        pools: &Pools,
        terms: &Terms,
        statement: Statement,
        keys: Keys,
    ) -> Result<Vec<QueryResult>, Error> {
        let pool = pools.of(Access::Read);
        let mut last = Error::Busy;
        for _ in 0..=pool.status().size {
            let mut lease = Self::take(pool, terms).await?;
            match lease.rows(statement.clone(), keys).await {
                Err(error @ Error::Unavailable(_)) => last = error,
                answer => {
                    lease.ended = !matches!(answer, Err(Error::Timeout));
                    return answer;
                }
            }
        }
        Err(last)
    }

    async fn take(pool: &Pool, terms: &Terms) -> Result<Self, Error> {
        let pooled = pool.get().await.map_err(pool::error)?;
        let backend = pool.manager().backend();
        Ok(Self { pooled: Some(pooled), ended: false, failed: false, terms: terms.clone(), backend })
    }

    /// Everything here is local to the transaction: it is gone with it, also through a transaction pooler.
    fn begin_sql(&self, access: Access, binding: Binding) -> String {
        match (self.backend, access) {
            (DbBackend::Postgres, _) => {
                let timeout = self.terms.statement_timeout.as_millis();
                match binding {
                    Binding::Tenant(tenant) => format!(
                        "BEGIN; SET LOCAL {} = '{tenant}'; SET LOCAL statement_timeout = {timeout}",
                        migration::access::TENANT_SETTING
                    ),
                    Binding::Platform => format!("BEGIN; SET LOCAL statement_timeout = {timeout}"),
                }
            }
            (_, Access::Read) => "BEGIN".to_owned(),
            // Takes the write lock now: a deferred transaction that turns to writing cannot wait for it.
            (_, Access::Write) => "BEGIN IMMEDIATE".to_owned(),
        }
    }

    /// The rows of a statement.
    pub(crate) async fn rows(&mut self, statement: Statement, keys: Keys) -> Result<Vec<QueryResult>, Error> {
        self.observe(&statement);
        let limit = self.limit();
        let sent = tokio::time::timeout(limit, self.connection()?.rows(statement)).await;
        self.settle(sent, keys).await
    }

    /// The number of rows that a statement touched.
    pub(crate) async fn affected(&mut self, statement: Statement, keys: Keys) -> Result<u64, Error> {
        self.observe(&statement);
        let limit = self.limit();
        let sent = tokio::time::timeout(limit, self.connection()?.affected(statement)).await;
        self.settle(sent, keys).await
    }

    /// Makes it all last. Refused after a failed statement: PostgreSQL would roll back and call it a success.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        if self.failed {
            self.roll_back().await;
            return Err(Error::Internal("a transaction with a failed statement was to be committed".to_owned()));
        }
        self.run("COMMIT").await?;
        self.ended = true;
        Ok(())
    }

    /// Undoes it all.
    pub(crate) async fn roll_back(&mut self) {
        if self.pooled.is_some() && !self.ended && self.run("ROLLBACK").await.is_ok() {
            self.ended = true;
        }
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.backend
    }

    /// Runs statements that carry no values.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<(), Error> {
        let limit = self.limit();
        let sent = tokio::time::timeout(limit, self.connection()?.run(sql)).await;
        self.settle(sent, Keys::default()).await
    }

    /// The connection of an answer that never came is not used again; after an ordinary refusal it can be rolled back.
    async fn settle<T>(
        &mut self,
        sent: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
        keys: Keys,
    ) -> Result<T, Error> {
        let error = match sent {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error,
            Err(_) => {
                self.close();
                return Err(Error::Timeout);
            }
        };
        self.failed = true;
        if !is_recoverable(&error) {
            self.close();
        }
        Err(Error::from_sqlx(&error, keys))
    }

    fn connection(&mut self) -> Result<&mut Connection, Error> {
        match &mut self.pooled {
            Some(pooled) => Ok(pooled),
            None => Err(Error::Unavailable("the transaction's connection was lost".to_owned())),
        }
    }

    fn close(&mut self) {
        drop(self.pooled.take().map(Object::take));
    }

    /// The server ends a statement by itself at its timeout; this is for a server that does not answer at all.
    fn limit(&self) -> Duration {
        self.terms.statement_timeout + Duration::from_secs(1)
    }

    fn observe(&self, statement: &Statement) {
        if let Some(observer) = &self.terms.observer {
            let values = statement.values.iter().flat_map(|values| &values.0).map(ToString::to_string).collect();
            observer(&Observed { sql: &statement.sql, values });
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.ended {
            self.close();
        }
    }
}
