//! Databases for tests: a real PostgreSQL database or SQLite file of its own for each test, migrated, gone afterwards.
//!
//! PostgreSQL is the server that `TENANTRY_TEST_POSTGRES_URL` names (a superuser's address; `scripts/with-servers` sets it).
//! A test that needs it and does not find it fails. A [`TestRedis`] is a server of the test's own.

mod places;
mod postgres;
mod postgres_server;
mod redis;
mod sqlite;

use entity::DatabaseSettings;

pub use places::Own;
pub use postgres::PostgresDatabase;
pub use postgres_server::PostgresServer;
pub use redis::TestRedis;
pub use sqlite::SqliteFile;

/// A database for one test.
pub enum TestDatabase {
    /// A database on the test's PostgreSQL server.
    Postgres(Box<PostgresDatabase>),
    /// A file.
    Sqlite(SqliteFile),
}

impl TestDatabase {
    /// A migrated PostgreSQL database with the three roles.
    pub async fn postgres() -> Self {
        Self::Postgres(Box::new(PostgresDatabase::create().await))
    }

    /// The same on a further server, which has the same roles.
    pub async fn postgres_elsewhere() -> Self {
        Self::Postgres(Box::new(PostgresDatabase::create_elsewhere().await))
    }

    /// A migrated SQLite file.
    pub async fn sqlite() -> Self {
        Self::Sqlite(SqliteFile::create().await)
    }

    /// The environment variables that make the service use this database.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Postgres(database) => database.variables(),
            Self::Sqlite(file) => file.variables(),
        }
    }

    /// The PostgreSQL database, which it must be.
    pub fn server(&self) -> &PostgresDatabase {
        match self {
            Self::Postgres(database) => database,
            Self::Sqlite(_) => panic!("the test's database is a file"),
        }
    }

    /// The variables, as the data crate reads them.
    pub fn settings(&self) -> DatabaseSettings {
        settings(&self.variables())
    }

    /// Runs SQL past all locks: as the superuser, or on the file.
    pub async fn execute(&self, sql: &str) {
        match self {
            Self::Postgres(database) => database.execute(sql).await,
            Self::Sqlite(file) => file.execute(sql).await,
        }
    }

    /// Reads one number past all locks: as the superuser, or from the file.
    pub async fn number(&self, sql: &str) -> i64 {
        match self {
            Self::Postgres(database) => database.number(sql).await,
            Self::Sqlite(file) => file.number(sql).await,
        }
    }
}

/// Settings from variables.
pub fn settings(variables: &[(&'static str, String)]) -> DatabaseSettings {
    let lookup = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
    DatabaseSettings::from_lookup(&lookup).expect("the test's settings are valid")
}
