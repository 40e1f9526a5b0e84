//! A connection for one transaction.

mod changing;
mod inserting;
mod reading;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::{DbBackend, QueryResult, Statement};
use uuid::Uuid;

use super::binding::{begin_sql, is_fenced};
use super::watch::Watch;
use super::{Access, Asker, Binding, Connection, Observed, PoolKey, Pooled, Terms};
use crate::Error;
use crate::cache::{Area, Written};
use crate::error::{Keys, is_lost, is_recoverable};
use crate::place::{Place, Spot};
use crate::tally::{Added, Pending};
use crate::usage::Counters;
use crate::vocabulary::Limits;

pub(crate) use changing::Begun;
pub(crate) use reading::Standing;

/// A connection lent for one transaction. It goes back to its pool only after the transaction has ended and the database
/// has said so; in every other case (an error it may not have recovered from, a panic, a dropped future) it is closed.
pub(crate) struct Lease {
    pooled: Option<Pooled>,
    ended: bool,
    failed: bool,
    /// Whether the connection broke, or its server ended it.
    is_lost: bool,
    terms: Arc<Terms>,
    backend: DbBackend,
    /// Whether the place is a tenant's own.
    is_own: bool,
    began: Instant,
    /// Who is charged for the time.
    account: Option<Arc<Counters>>,
    /// What a tenant's transaction has added to its tally.
    pending: Option<Box<Pending>>,
    /// For whom the transaction is.
    tenant: Option<Uuid>,
    written: Written,
}

impl Lease {
    /// Takes a connection and begins a transaction that is bound to the tenant, in one round trip.
    ///
    /// A pooled connection may have died since it was used (a restarted server, a cut network): nothing has happened yet, so the
    /// next one is tried, and at last a new one.
    pub(crate) async fn begin(place: &Place, access: Access, binding: Binding) -> Result<Self, Error> {
        let key = place.pool(access);
        let mut dead = Dead::default();
        loop {
            let lease = Self::take_for(place, &key, binding).await?;
            match lease.begun(place, access, binding).await {
                Err(error @ Error::Unavailable(_)) => dead.count(place, &key, error)?,
                begun => return begun,
            }
        }
    }

    /// The same on this connection.
    async fn begun(mut self, place: &Place, access: Access, binding: Binding) -> Result<Self, Error> {
        match self.begin_here(place, access, binding).await {
            Ok(()) => {
                self.tenant = binding.tenant();
                Ok(self)
            }
            Err(error) => {
                drop(self);
                Err(refused(place, error).await)
            }
        }
    }

    async fn take(place: &Place, key: &PoolKey, asker: Asker) -> Result<Self, Error> {
        let pooled = place.connections.get(key, &place.store, asker).await?;
        let (terms, backend) = (Arc::clone(&place.terms), place.backend());
        let is_own = place.spot != Spot::Shared;
        Ok(Self {
            pooled: Some(pooled),
            ended: false,
            failed: false,
            is_lost: false,
            terms,
            backend,
            is_own,
            began: Instant::now(),
            account: None,
            pending: None,
            tenant: None,
            written: Written::default(),
        })
    }

    async fn take_for(place: &Place, key: &PoolKey, binding: Binding) -> Result<Self, Error> {
        let mut lease = Self::take(place, key, binding.asker()).await?;
        if let Binding::Tenant(tenant) = binding {
            lease.account = Some(place.connections.usage.of(tenant));
        }
        Ok(lease)
    }

    async fn begin_here(&mut self, place: &Place, access: Access, binding: Binding) -> Result<(), Error> {
        let begin = begin_sql(place, access, binding, self.connection()?.can_stand_alone());
        if is_fenced(access, binding) { self.begin_fenced(&begin).await } else { self.run(&begin).await }
    }

    /// Begins a tenant's write, unless the tenant has left this place or is about to.
    async fn begin_fenced(&mut self, begin: &str) -> Result<(), Error> {
        let limit = self.limit();
        let sent = tokio::time::timeout(limit, self.connection()?.run_counting(begin)).await;
        // The lock answers with a row on PostgreSQL; a departure is one more, or an error.
        let expected = usize::from(self.backend == DbBackend::Postgres);
        let begun = match self.settle(sent, Keys::default()).await {
            Ok(rows) if rows > expected => Err(Error::Moving),
            begun => begun.map(|_| ()),
        };
        if matches!(begun, Err(Error::Moving)) {
            self.roll_back().await;
        }
        begun
    }

    /// The rows of a statement.
    pub(crate) async fn rows(&mut self, statement: Statement, keys: Keys) -> Result<Vec<QueryResult>, Error> {
        self.send(statement, keys, async |connection, statement| connection.rows(statement).await).await
    }

    /// The number of rows that a statement touched.
    pub(crate) async fn affected(&mut self, statement: Statement, keys: Keys) -> Result<u64, Error> {
        self.send(statement, keys, async |connection, statement| connection.affected(statement).await).await
    }

    /// Sends a statement with values, in whichever way: everybody who wants to know of it is told.
    async fn send<T>(
        &mut self,
        statement: Statement,
        keys: Keys,
        way: impl AsyncFnOnce(&mut Connection, Statement) -> Result<T, sqlx::Error>,
    ) -> Result<T, Error> {
        self.observe(&statement);
        self.written.note(&statement.sql, self.tenant);
        let (limit, watch) = (self.limit(), self.watch());
        let span = watch.begin(&statement.sql);
        let answer = span.over(way(self.connection()?, statement));
        let sent = tokio::time::timeout(limit, answer).await;
        self.settle(sent, keys).await
    }

    /// Makes it all last. Refused after a failed statement: PostgreSQL would roll back and call it a success.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        if self.failed {
            self.roll_back().await;
            return Err(Error::Internal("a transaction with a failed statement was to be committed".to_owned()));
        }
        let commit = self.tallied().await?;
        let terms = Arc::clone(&self.terms);
        let announced = terms.cache.announce(std::mem::take(&mut self.written).into_areas()).await;
        terms.steps.reach("write announced").await;
        let committed = self.run(&commit).await;
        terms.steps.reach("write committed").await;
        self.ended = committed.is_ok();
        // Others need the connection more than the cache does.
        drop(self);
        if !matches!(committed, Err(Error::Timeout | Error::Unavailable(_))) {
            announced.settle().await;
        }
        committed
    }

    /// From now on, what statements add is put down in the tenant's tally.
    pub(crate) fn count_for(&mut self, tenant: Uuid, limits: &Limits) {
        self.pending = Some(Box::new(Pending::new(tenant, limits.clone())));
    }

    /// Counts rows and bytes that were added.
    pub(crate) fn count(&mut self, added: Added) {
        if let Some(pending) = &mut self.pending {
            pending.add(added);
        }
    }

    /// What commits, and puts down what was added. Where a limit is concerned, that is done before and looked at, and undoes
    /// the transaction if it is too much.
    async fn tallied(&mut self) -> Result<String, Error> {
        let Some(pending) = self.pending.take().filter(|pending| !pending.is_empty()) else {
            return Ok("COMMIT".to_owned());
        };
        let has_functions = self.connection()?.can_stand_alone();
        if !pending.is_limited() {
            return Ok(format!("{}; COMMIT", pending.sql(self.backend, has_functions)));
        }
        let checked = match self.run_for_rows(&pending.sql_and_sum(self.backend, has_functions)).await {
            Ok(sum) => pending.check(&sum),
            Err(error) => Err(error),
        };
        if checked.is_err() {
            self.roll_back().await;
        }
        checked.map(|()| "COMMIT".to_owned())
    }

    /// Runs statements that carry no values, and reads what they answer.
    async fn run_for_rows(&mut self, sql: &str) -> Result<Vec<QueryResult>, Error> {
        let limit = self.limit();
        let sent = tokio::time::timeout(limit, self.connection()?.run_for_rows(sql)).await;
        self.settle(sent, Keys::default()).await
    }

    /// From now on it can only be undone.
    pub(crate) fn fail(&mut self) {
        self.failed = true;
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
        self.is_lost = is_lost(&error);
        if !is_recoverable(&error) {
            self.close();
        }
        Err(match Error::from_sqlx(&error, keys) {
            // Of a tenant's own place, all of it is missing.
            Error::NoTable(_) if self.is_own => Error::NoPlace("a table of it is missing".to_owned()),
            Error::NoTable(why) => Error::Internal(why),
            other => other,
        })
    }

    fn connection(&mut self) -> Result<&mut Connection, Error> {
        match &mut self.pooled {
            Some(pooled) => pooled.connection().ok_or_else(lost),
            None => Err(lost()),
        }
    }

    fn close(&mut self) {
        self.pooled.take().into_iter().for_each(Pooled::discard);
    }

    /// The server ends a statement by itself at its timeout; this is for a server that does not answer at all.
    fn limit(&self) -> Duration {
        self.terms.statement_timeout + Duration::from_secs(1)
    }

    fn watch(&self) -> Watch {
        Watch { backend: self.backend, slow: self.terms.slow_statement }
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
        if let Some(account) = &self.account {
            account.held(self.began.elapsed());
        }
        if !self.ended {
            self.close();
        }
    }
}

/// Pooled connections that turned out to have died: no more than there were, and then one that is new.
#[derive(Default)]
struct Dead(Option<usize>);

impl Dead {
    fn count(&mut self, place: &Place, key: &PoolKey, error: Error) -> Result<(), Error> {
        let left = self.0.get_or_insert_with(|| place.connections.size(key) + 1);
        *left = left.checked_sub(1).ok_or(error)?;
        Ok(())
    }
}

/// What it means that a tenant's work was refused in this place.
async fn refused(place: &Place, error: Error) -> Error {
    if matches!(error, Error::Moving) {
        // Whoever said that the tenant is here did not know better.
        place.terms.cache.clear(vec![Area::Names]).await;
    }
    error
}

fn lost() -> Error {
    Error::Unavailable("the transaction's connection was lost".to_owned())
}
