//! What can go wrong with a statement, in the words a handler can act on.

use sqlx::error::ErrorKind;

use crate::resource::{Reference, Unique};

/// Why an operation did not happen. None of them changed anything.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// A value claims a row for another tenant than the scope's.
    #[error("the row is claimed for another tenant")]
    ForeignTenant,
    /// A unique key is taken.
    #[error("{} is taken", field.unwrap_or("a unique value"))]
    Conflict {
        /// The field whose value is taken, if known.
        field: Option<&'static str>,
    },
    /// A foreign key names a row that the tenant does not have.
    #[error("{field} names no row of this tenant")]
    MissingReference {
        /// The field that names it.
        field: &'static str,
    },
    /// A cursor that is none, or of another list or tenant.
    #[error("not a cursor of this list")]
    BadCursor,
    /// The tenant has as much as it may: nothing of the transaction is kept.
    #[error("the tenant's limit of {what} is reached")]
    QuotaExceeded {
        /// Of what: the limit's name.
        what: &'static str,
    },
    /// The tenant is being moved: its writes are held for a moment.
    #[error("the tenant is being moved")]
    Moving,
    /// The place is not there (any more), or was never finished.
    #[error("the tenant's place is not there: {0}")]
    NoPlace(String),
    /// A table or function is not there.
    #[error("database error: {0}")]
    NoTable(String),
    /// A tenant cannot be placed like this here.
    #[error("{field} {why}")]
    Unplaceable {
        /// What would have to be another: `isolation` or `datastore`.
        field: &'static str,
        /// What it would have to be.
        why: String,
    },
    /// A line of an import that cannot be taken. Nothing of the import is kept.
    #[error("line {line} {why}")]
    BadImport {
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// It cannot be done here, and trying again will not help: what would have to be changed first.
    #[error("{0}")]
    NotPossible(String),
    /// No connection became free in time, or the database asked to try again.
    #[error("the database is busy")]
    Busy,
    /// The database cannot be reached or cannot work.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A statement took too long.
    #[error("the database took too long")]
    Timeout,
    /// Anything else: a fault of the program or of the installation.
    #[error("database error: {0}")]
    Internal(String),
}

/// The keys of the table that a statement was about, to tell which field a violated one means.
#[derive(Clone, Copy, Default)]
pub(crate) struct Keys {
    pub(crate) unique: &'static [Unique],
    pub(crate) references: &'static [Reference],
}

impl Error {
    /// Whether a key refused the statement: nothing of it was done.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Conflict { .. } | Self::MissingReference { .. })
    }

    /// Names what sqlx reports. Never carries a row's values: PostgreSQL's `detail` is left out.
    pub(crate) fn from_sqlx(error: &sqlx::Error, keys: Keys) -> Self {
        match error {
            sqlx::Error::Database(database) => Self::from_database(database.as_ref(), keys),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::PoolClosed
            | sqlx::Error::PoolTimedOut => Self::Unavailable(error.to_string()),
            other => Self::Internal(other.to_string()),
        }
    }

    fn from_database(error: &dyn sqlx::error::DatabaseError, keys: Keys) -> Self {
        match error.kind() {
            ErrorKind::UniqueViolation => Self::Conflict { field: taken(error, keys.unique) },
            ErrorKind::ForeignKeyViolation => match missing(error, keys.references) {
                Some(field) => Self::MissingReference { field },
                None => Self::Internal(error.message().to_owned()),
            },
            _ => Self::from_code(&error.code().unwrap_or_default(), error.message()),
        }
    }

    /// SQLSTATE on PostgreSQL, (extended) result code on SQLite: what it is extended from says what to do.
    fn from_code(code: &str, message: &str) -> Self {
        let primary = code.parse::<u32>().ok().filter(|_| code.len() < 5).map(|extended| (extended & 0xff).to_string());
        match primary.as_deref().unwrap_or(code) {
            // invalid_catalog_name, invalid_schema_name; undefined_table, undefined_function
            "3D000" | "3F000" => Self::NoPlace("its schema or database is missing".to_owned()),
            "42P01" | "42883" => Self::NoTable(format!("{message} ({code})")),
            // duplicate_prepared_statement, invalid_sql_statement_name: a name that is another client's
            "42P05" | "26000" => Self::Internal(format!("{MIXED_UP} ({code})")),
            migration::LEFT => Self::Moving,
            // query_canceled; SQLITE_INTERRUPT
            "57014" | "9" => Self::Timeout,
            // serialization_failure, deadlock_detected, lock_not_available; SQLITE_BUSY, SQLITE_LOCKED
            "40001" | "40P01" | "55P03" | "5" | "6" => Self::Busy,
            // SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN
            "8" | "10" | "13" | "14" => Self::Unavailable(format!("{message} ({code})")),
            // connection exceptions, no entry, a database that is shut, insufficient resources, intervention
            _ if ["08", "28", "53", "55", "57"].iter().any(|class| code.len() == 5 && code.starts_with(class)) => {
                Self::Unavailable(message.to_owned())
            }
            _ => Self::Internal(format!("{message} ({code})")),
        }
    }
}

fn taken(error: &dyn sqlx::error::DatabaseError, unique: &[Unique]) -> Option<&'static str> {
    let named = |key: &&Unique| match error.constraint() {
        Some(constraint) => constraint == key.constraint,
        None => error.message().contains(key.column),
    };
    unique.iter().find(named).map(|key| key.field)
}

/// SQLite does not say which of several foreign keys it was: then the first is named.
fn missing(error: &dyn sqlx::error::DatabaseError, references: &[Reference]) -> Option<&'static str> {
    let reference = match error.constraint() {
        Some(constraint) => references.iter().find(|key| key.constraint == constraint),
        None => references.first(),
    };
    reference.map(|key| key.field)
}

/// Whether the connection is known to be usable after this error, once its transaction is rolled back.
pub(crate) fn is_recoverable(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(database) = error else {
        return matches!(error, sqlx::Error::RowNotFound | sqlx::Error::ColumnNotFound(_));
    };
    !matches!(Error::from_database(database.as_ref(), Keys::default()), Error::Unavailable(_))
}

/// Whether the connection broke, or the server ended it: another one may do.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        // admin_shutdown, crash_shutdown, cannot_connect_now and the like
        sqlx::Error::Database(database) => database.code().is_some_and(|code| code.starts_with("57P")),
        other => matches!(Error::from_sqlx(other, Keys::default()), Error::Unavailable(_)),
    }
}

/// What to do about a pooler that gives a transaction another connection than the one that its statements were prepared on.
pub(crate) const MIXED_UP: &str = "a pooler in transaction mode mixes up prepared statements: add ?statement-cache-capacity=0 to \
     DATABASE_URL and DATABASE_PLATFORM_URL, or let it carry them along (PgBouncer 1.21 or newer: max_prepared_statements)";

/// What failures begin with that go on in the database's own words.
const IN_ITS_WORDS: [&str; 2] = ["database error", "the database is unavailable"];

/// A failure as it was written down, for whoever reads of it over the network. A database's own words name tables, keys and
/// addresses: those are for the operator, in the log and on the command line.
pub fn told_outside(failure: &str) -> &str {
    let begins = |words: &&&str| failure.starts_with(**words);
    IN_ITS_WORDS.iter().find(begins).copied().unwrap_or(failure)
}

/// A fault of the program or of the installation.
pub(crate) fn internal(error: sea_orm::DbErr) -> Error {
    Error::Internal(error.to_string())
}
