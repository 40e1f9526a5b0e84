//! The owner: makes places, brings their tables up, and destroys them. The only one who runs DDL.

mod lock;
mod site;

use sea_orm::{QueryResult, Statement};
use uuid::Uuid;

use crate::connection::{Connections, Opened};
use crate::database::Database;
use crate::error::{Error, Keys};
use crate::settings::Store;

pub(crate) use lock::{FleetLock, TenantLock};
pub(crate) use site::Site;

/// A connection of the owner's, within the budget and in no pool. What was set on it ends with it.
pub(crate) struct Owner(Opened);

impl Owner {
    /// Connects to the store's own database.
    pub(crate) async fn at(database: &Database, store: &Store) -> Result<Self, Error> {
        Self::connect(&database.connections, store, None).await
    }

    /// At the store's own database: the connection that holds the lock, where that is the one, or a new one in `own`.
    pub(crate) async fn beside<'l>(
        database: &Database,
        store: &Store,
        lock: &'l mut TenantLock,
        own: &'l mut Option<Self>,
    ) -> Result<&'l mut Self, Error> {
        match lock.home() {
            Some(home) if store.name().is_none() => Ok(home),
            _ => Ok(own.insert(Self::at(database, store).await?)),
        }
    }

    /// Connects to the database of a tenant's own; on SQLite, makes its file.
    pub(crate) async fn of_tenant(database: &Database, store: &Store, tenant: Uuid) -> Result<Self, Error> {
        Self::connect(&database.connections, store, Some(tenant)).await
    }

    /// Connects to the database at home to begin work on a place, when there are connections enough for that.
    pub(crate) async fn to_work(database: &Database) -> Result<Self, Error> {
        Self::opened(database.connections.worker(&database.settings.home).await)
    }

    /// Leaves the connection, on which nothing is left, to the next work on a place.
    pub(crate) fn rest(self, database: &Database) {
        database.connections.rest(self.0);
    }

    async fn connect(connections: &Connections, store: &Store, tenant: Option<Uuid>) -> Result<Self, Error> {
        Self::opened(connections.owner(store, tenant).await)
    }

    fn opened(opened: Result<Opened, Error>) -> Result<Self, Error> {
        opened.map(Self).map_err(|error| match error {
            Error::Unavailable(why) => Error::Unavailable(format!("as the owner (DATABASE_OWNER_URL): {why}")),
            other => other,
        })
    }

    /// Runs statements as one message.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<(), Error> {
        self.0.connection().run(sql).await.map_err(|error| Error::from_sqlx(&error, Keys::default()))
    }

    /// Runs statements, which begin a transaction, as one message; if one fails, the transaction is undone.
    pub(crate) async fn run_whole(&mut self, sql: &str) -> Result<(), Error> {
        let outcome = self.run(sql).await;
        if outcome.is_err() {
            // If even this fails, the connection is gone, and with it the transaction.
            let _ = self.run("ROLLBACK").await;
        }
        outcome
    }

    pub(crate) async fn rows(&mut self, sql: &str) -> Result<Vec<QueryResult>, Error> {
        let connection = self.0.connection();
        let statement = Statement::from_string(connection.backend(), sql);
        connection.rows(statement).await.map_err(|error| Error::from_sqlx(&error, Keys::default()))
    }

    /// The first column of each row.
    pub(crate) async fn texts(&mut self, sql: &str) -> Result<Vec<String>, Error> {
        let text = |row: &QueryResult| row.try_get_by_index(0).map_err(crate::error::internal);
        self.rows(sql).await?.iter().map(text).collect()
    }

    /// Whether the query, which answers with one boolean, says so.
    pub(crate) async fn is_true(&mut self, sql: &str) -> Result<bool, Error> {
        let rows = self.rows(sql).await?;
        rows.first().map_or(Ok(false), |row| row.try_get_by_index(0).map_err(crate::error::internal))
    }
}
