//! SQLite files in a directory of their own.

use std::path::PathBuf;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tempfile::TempDir;

/// A migrated file, removed with its directory when dropped.
pub struct SqliteFile {
    directory: TempDir,
}

impl SqliteFile {
    pub(crate) async fn create() -> Self {
        let file = Self { directory: TempDir::new().expect("a temporary directory") };
        entity::migrate::up(&crate::settings(&file.variables())).await.expect("a migrated file");
        file
    }

    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![("DATABASE_URL", format!("sqlite://{}?mode=rwc", self.path().display()))]
    }

    /// Where the file is.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("tenantry.db")
    }

    pub(crate) async fn execute(&self, sql: &str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect(sql);
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut connection = self.connect().await;
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.expect(sql)
    }

    async fn connect(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path());
        SqliteConnection::connect_with(&options).await.expect("the test's file opens")
    }
}
