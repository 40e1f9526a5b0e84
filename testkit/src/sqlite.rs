//! SQLite files in a directory of their own.

use std::path::{Path, PathBuf};

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

    /// Where the file of a tenant's own is.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.directory_of_tenants().join(format!("{name}.db"))
    }

    /// How many tenants' files there are.
    pub(crate) fn count_of_tenants(&self) -> i64 {
        let Ok(files) = std::fs::read_dir(self.directory_of_tenants()) else { return 0 };
        let is_database = |path: &Path| path.extension().is_some_and(|extension| extension == "db");
        let count = files.filter(|file| is_database(&file.as_ref().expect("a file").path())).count();
        i64::try_from(count).expect("a count")
    }

    fn directory_of_tenants(&self) -> PathBuf {
        self.directory.path().join("tenantry-tenants")
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.execute_at(&self.path(), sql).await;
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.number_at(&self.path(), sql).await
    }

    pub(crate) async fn execute_at(&self, file: &Path, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connect(file).await).await.expect(sql);
    }

    pub(crate) async fn number_at(&self, file: &Path, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connect(file).await).await.expect(sql)
    }

    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut connect(&self.path()).await).await.expect(sql)
    }
}

async fn connect(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file);
    SqliteConnection::connect_with(&options).await.expect("the test's file opens")
}
