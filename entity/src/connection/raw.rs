//! One connection to either database, and what it takes to open one.

use sea_orm::{DbBackend, QueryResult, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor, PgConnection, SqliteConnection};

/// A connection, open.
pub(crate) enum Connection {
    Postgres(PgConnection, Session),
    Sqlite(SqliteConnection),
}

/// What is behind a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    /// One session of the server's, which began with what holds for each of its statements: see
    /// [`Sessions`](super::Sessions). A statement can stand alone.
    Own,
    /// Whichever session a pooler chooses for each transaction; or one that did not begin so. A statement that is sent with values
    /// is prepared once, under a name, and kept.
    Kept,
    /// Each is prepared each time, without a name, and the transaction ends before another connection of the server may come
    /// into it. For poolers in transaction mode that do not carry names along: there, a name may be somebody else's statement.
    Passing,
}

/// Where connections come from.
#[derive(Clone)]
pub(crate) enum Source {
    Postgres(Box<PgConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>),
}

impl Source {
    /// Who connects; none on SQLite.
    pub(crate) fn role(&self) -> Option<&str> {
        match self {
            Self::Postgres(options) => Some(options.get_username()),
            Self::Sqlite(_) => None,
        }
    }

    pub(crate) async fn connect(&self) -> Result<Connection, sqlx::Error> {
        Ok(match self {
            Self::Postgres(options) => {
                Connection::Postgres(PgConnection::connect_with(options).await?, Session::of(options))
            }
            Self::Sqlite(options) => Connection::Sqlite(SqliteConnection::connect_with(options).await?),
        })
    }
}

impl Session {
    /// As the address says: `statement-cache-capacity=0` keeps no statements.
    pub(super) fn of(options: &PgConnectOptions) -> Self {
        let none = options
            .to_url_lossy()
            .query_pairs()
            .any(|(name, value)| name == "statement-cache-capacity" && value == "0");
        if none { Self::Passing } else { Self::Kept }
    }
}

/// Calls the same sqlx function on whichever connection it is.
macro_rules! on_either {
    ($connection:expr, $inner:ident => $call:expr) => {
        match $connection {
            Connection::Postgres($inner, _) => $call,
            Connection::Sqlite($inner) => $call,
        }
    };
}

impl Connection {
    /// Whether it ends in another process, which ends a moment after it.
    pub(crate) fn is_server(&self) -> bool {
        matches!(self, Self::Postgres(..))
    }

    pub(crate) fn backend(&self) -> DbBackend {
        match self {
            Self::Postgres(..) => DbBackend::Postgres,
            Self::Sqlite(_) => DbBackend::Sqlite,
        }
    }

    /// Whether a statement with values must be sent in a transaction.
    pub(crate) fn needs_transaction(&self) -> bool {
        matches!(self, Self::Postgres(_, Session::Passing))
    }

    /// The same, known to have a session of its own.
    pub(super) fn with_own_session(self) -> Self {
        match self {
            Self::Postgres(connection, _) => Self::Postgres(connection, Session::Own),
            file @ Self::Sqlite(_) => file,
        }
    }

    /// Whether a tenant's read can be a statement that stands alone: everything else that holds for it holds for the session.
    pub(crate) fn can_stand_alone(&self) -> bool {
        matches!(self, Self::Postgres(_, Session::Own))
    }

    /// Takes leave; without a word if it may be in the middle of something.
    pub(crate) async fn close(self, is_unclear: bool) {
        let closed = match (self, is_unclear) {
            (Self::Postgres(connection, _), true) => connection.close_hard().await,
            (Self::Postgres(connection, _), false) => connection.close().await,
            (Self::Sqlite(connection), _) => connection.close().await,
        };
        // There is nobody to tell, and nothing to be done.
        let _ = closed;
    }

    /// Runs statements without values as one message and counts the rows that they answer with.
    pub(crate) async fn run_counting(&mut self, sql: &str) -> Result<usize, sqlx::Error> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql));
        on_either!(self, inner => inner.fetch_all(query).await.map(|rows| rows.len()))
    }

    /// Runs statements without values as one message and collects the rows that they answer with.
    pub(crate) async fn run_for_rows(&mut self, sql: &str) -> Result<Vec<QueryResult>, sqlx::Error> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql));
        on_either!(self, inner => Ok(inner.fetch_all(query).await?.into_iter().map(QueryResult::from).collect()))
    }

    /// Runs one or more statements without values as one message.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql));
        on_either!(self, inner => inner.execute(query).await.map(|_| ()))
    }

    /// Sends a statement and collects its rows.
    pub(crate) async fn rows(&mut self, statement: Statement) -> Result<Vec<QueryResult>, sqlx::Error> {
        let (sql, values) = parts(statement);
        let (sql, kept) = (AssertSqlSafe(sql), !self.needs_transaction());
        on_either!(self, inner => {
            let rows = inner.fetch_all(sqlx::query_with(sql, values).persistent(kept)).await?;
            Ok(rows.into_iter().map(QueryResult::from).collect())
        })
    }

    /// Sends a statement and counts the rows it touched.
    pub(crate) async fn affected(&mut self, statement: Statement) -> Result<u64, sqlx::Error> {
        let (sql, values) = parts(statement);
        let (sql, kept) = (AssertSqlSafe(sql), !self.needs_transaction());
        on_either!(self, inner => {
            Ok(inner.execute(sqlx::query_with(sql, values).persistent(kept)).await?.rows_affected())
        })
    }
}

fn parts(statement: Statement) -> (String, SqlxValues) {
    (statement.sql, SqlxValues(statement.values.unwrap_or_else(|| sea_orm::Values(Vec::new()))))
}
