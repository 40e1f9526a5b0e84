//! Bringing the catalog and the tenant tables to this program's version, as the owner.

use std::fmt;
use std::time::Duration;

use migration::{CatalogMigrator, MigratorTrait, TenantMigrator, access};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, SqlxPostgresConnector, SqlxSqliteConnector, Statement,
};
use serde::Serialize;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqlitePoolOptions;

use crate::connection::{Lease, Source};
use crate::database::{Database, OpenError, connect, make_directory};
use crate::error::{Error, Keys};
use crate::platform::newest_schema;
use crate::settings::{DatabaseSettings, Party};

/// Held while migrating, so that two processes do not do it at once. The number is "tenantry" in ASCII.
const LOCK: i64 = 0x7465_6e61_6e74_7279;

/// How long the owner's connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// One migration and whether the database has had it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MigrationStatus {
    /// `catalog` or `tenant`.
    pub set: &'static str,
    /// Its name.
    pub name: String,
    /// Whether it has been applied.
    pub applied: bool,
}

/// What a database lacks of this program's migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Migrations that the catalog lacks.
    pub catalog: usize,
    /// Migrations that the tenant tables lack.
    pub tenant: usize,
    /// Whether it has had none at all.
    pub is_empty: bool,
}

impl Pending {
    /// Whether anything is lacking.
    pub fn is_any(&self) -> bool {
        self.catalog + self.tenant > 0
    }
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty {
            f.write_str("the database has no tables yet: run `tenantry migrate`")
        } else {
            let lacking = self.catalog + self.tenant;
            write!(f, "the database lacks {lacking} migration(s) of this version: run `tenantry migrate`")
        }
    }
}

/// Applies what is lacking and returns it; with `dry_run`, only says what would be applied. Nothing lacking is no error.
pub async fn run(settings: &DatabaseSettings, dry_run: bool) -> Result<Vec<MigrationStatus>, OpenError> {
    let owner = Owner::connect(settings).await?;
    let lacking: Vec<MigrationStatus> =
        owner.status().await?.into_iter().filter(|migration| !migration.applied).collect();
    if !dry_run {
        owner.apply(settings).await?;
        note_schema_version(settings).await?;
    }
    owner.close().await?;
    Ok(lacking)
}

/// Every migration of this program, in order, and whether the database has had it.
pub async fn status(settings: &DatabaseSettings) -> Result<Vec<MigrationStatus>, OpenError> {
    let owner = Owner::connect(settings).await?;
    let status = owner.status().await?;
    owner.close().await?;
    Ok(status)
}

/// What the database lacks, as seen by the serving role.
pub(crate) async fn pending(database: &Database) -> Result<Pending, Error> {
    let catalog = applied(database, "catalog_migrations").await?;
    let tenant = applied(database, "tenant_migrations").await?;
    Ok(Pending {
        catalog: CatalogMigrator::migrations().len().saturating_sub(catalog.unwrap_or(0)),
        tenant: TenantMigrator::migrations().len().saturating_sub(tenant.unwrap_or(0)),
        is_empty: catalog.is_none() && tenant.is_none(),
    })
}

/// How many migrations a ledger has; `None` when there is no ledger.
async fn applied(database: &Database, ledger: &str) -> Result<Option<usize>, Error> {
    let place = &database.serving;
    let read = |sql: String| async {
        let statement = Statement::from_string(place.backend(), sql);
        let rows = Lease::read_alone(&place.pools, &place.terms, statement, Keys::default()).await?;
        let number = |row: &sea_orm::QueryResult| row.try_get_by_index::<i64>(0);
        rows.first().map(number).transpose().map_err(|error| Error::Internal(error.to_string()))
    };
    let there = match place.backend() {
        DbBackend::Postgres => format!("SELECT 1::bigint WHERE to_regclass('{ledger}') IS NOT NULL"),
        _ => format!("SELECT 1 FROM sqlite_schema WHERE name = '{ledger}'"),
    };
    if read(there).await?.is_none() {
        return Ok(None);
    }
    let count = read(format!("SELECT count(*) FROM {ledger}")).await?;
    Ok(count.and_then(|count| usize::try_from(count).ok()))
}

/// Tenants in the shared tables have what those have. Written as the platform: the owner sees no tenant's row.
async fn note_schema_version(settings: &DatabaseSettings) -> Result<(), OpenError> {
    let place = connect(settings)?.platform;
    let sql = format!(
        "UPDATE tenants SET schema_version = {version} WHERE isolation = 'shared' AND schema_version < {version}",
        version = newest_schema()
    );
    let mut lease = Lease::begin(
        &place.pools,
        crate::connection::Access::Write,
        crate::connection::Binding::Platform,
        &place.terms,
    )
    .await?;
    lease.run(&sql).await?;
    Ok(lease.commit().await?)
}

/// The one connection on which DDL is run.
struct Owner(DatabaseConnection);

impl Owner {
    async fn connect(settings: &DatabaseSettings) -> Result<Self, OpenError> {
        make_directory(settings)?;
        let opened = match settings.source(Party::Owner) {
            Source::Postgres(options) => PgPoolOptions::new()
                .max_connections(1)
                .acquire_timeout(CONNECT)
                .idle_timeout(None)
                .max_lifetime(None)
                .connect_with((**options).clone())
                .await
                .map(SqlxPostgresConnector::from_sqlx_postgres_pool),
            Source::Sqlite(options) => SqlitePoolOptions::new()
                .max_connections(1)
                .connect_with((**options).clone())
                .await
                .map(SqlxSqliteConnector::from_sqlx_sqlite_pool),
        };
        let failed = |error: sqlx::Error| Error::Unavailable(format!("as the owner (DATABASE_OWNER_URL): {error}"));
        Ok(Self(opened.map_err(failed)?))
    }

    async fn status(&self) -> Result<Vec<MigrationStatus>, OpenError> {
        let mut all = set_status::<CatalogMigrator>(&self.0, "catalog").await?;
        all.extend(set_status::<TenantMigrator>(&self.0, "tenant").await?);
        Ok(all)
    }

    async fn apply(&self, settings: &DatabaseSettings) -> Result<(), OpenError> {
        let postgres = self.0.get_database_backend() == DbBackend::Postgres;
        if postgres {
            self.execute(&format!("SELECT pg_advisory_lock({LOCK})")).await?;
        }
        let outcome = self.apply_locked(settings, postgres).await;
        if postgres {
            self.execute(&format!("SELECT pg_advisory_unlock({LOCK})")).await?;
        }
        outcome
    }

    async fn apply_locked(&self, settings: &DatabaseSettings, postgres: bool) -> Result<(), OpenError> {
        if postgres {
            // A migration that cannot get its lock soon must not make every request queue behind it.
            self.execute("SET lock_timeout = '5s'; SET client_min_messages = warning").await?;
        }
        CatalogMigrator::up(&self.0, None).await.map_err(failed)?;
        TenantMigrator::up(&self.0, None).await.map_err(failed)?;
        if postgres {
            let owner = settings.role(Party::Owner);
            let serving = settings.role(Party::Serving).filter(|role| Some(*role) != owner);
            // A platform that shares the serving role gets no policy: it would be the serving role's as well.
            let platform = settings.role(Party::Platform).filter(|role| settings.role(Party::Serving) != Some(*role));
            access::grant(&self.0, serving, platform).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn execute(&self, sql: &str) -> Result<(), OpenError> {
        self.0.execute_unprepared(sql).await.map(|_| ()).map_err(failed)
    }

    async fn close(self) -> Result<(), OpenError> {
        self.0.close().await.map_err(failed)
    }
}

async fn set_status<M: MigratorTrait>(
    connection: &DatabaseConnection,
    set: &'static str,
) -> Result<Vec<MigrationStatus>, OpenError> {
    let ledger = M::migration_table_name().to_string();
    let applied = applied_names(connection, &ledger).await.map_err(failed)?;
    let migrations = M::migrations();
    Ok(migrations
        .iter()
        .map(|migration| MigrationStatus {
            set,
            name: migration.name().to_owned(),
            applied: applied.iter().any(|name| name == migration.name()),
        })
        .collect())
}

/// The names in a ledger; none when there is no ledger. Asking the migrator itself would make one.
async fn applied_names(connection: &DatabaseConnection, ledger: &str) -> Result<Vec<String>, DbErr> {
    let backend = connection.get_database_backend();
    let there = match backend {
        DbBackend::Postgres => format!("SELECT 1 WHERE to_regclass('{ledger}') IS NOT NULL"),
        _ => format!("SELECT 1 FROM sqlite_schema WHERE name = '{ledger}'"),
    };
    if connection.query_one_raw(Statement::from_string(backend, there)).await?.is_none() {
        return Ok(Vec::new());
    }
    let names = Statement::from_string(backend, format!("SELECT version FROM {ledger}"));
    connection.query_all_raw(names).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

fn failed(error: DbErr) -> OpenError {
    OpenError::Unavailable(Error::Internal(error.to_string()))
}
