//! A place as its owner sees it: to be made, brought up, and destroyed. Every step can be repeated.

use std::sync::Arc;
use std::time::Duration;

use migration::{CATALOG, Dialect, Set, TENANT, access};
use sea_orm::Statement;

use super::Owner;
use crate::connection::Lease;
use crate::database::Database;
use crate::error::{Error, Keys};
use crate::place::Spot;
use crate::resource::now;
use crate::settings::{Party, Store, own_name};

/// A migration that cannot get its lock soon must not make every request queue behind it.
const LOCK_TIMEOUT: &str = "5s";

/// How often it is tried for the lock of a table that does not come free in time.
const LOCK_ATTEMPTS: u32 = 3;

/// How long it is left to those who queued behind the last attempt.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);

/// How often a database is tried to be dropped from which somebody has not gone yet. Each time, PostgreSQL waits 5 seconds.
const ATTEMPTS: usize = 3;

/// Where something is built.
pub(crate) struct Site<'d> {
    database: &'d Database,
    store: Arc<Store>,
    spot: Spot,
}

impl<'d> Site<'d> {
    pub(crate) fn new(database: &'d Database, store: Arc<Store>, spot: Spot) -> Self {
        Self { database, store, spot }
    }

    /// Makes the place if it is not there, brings its tables to the newest version, and says which that is. `base` is the owner
    /// at the store's own database.
    ///
    /// What is in one database is done in one transaction: there is no half of it. A tenant's database may be left behind
    /// empty, and is filled the next time.
    pub(crate) async fn raise(&self, base: &mut Owner) -> Result<usize, Error> {
        let Spot::Database(tenant) = self.spot else { return self.raise_in(base).await };
        if !self.store.is_sqlite() {
            self.create_database(base, &own_name(tenant)).await?;
        }
        self.database.settings.steps.reach("database made").await;
        let mut own = Owner::of_tenant(self.database, &self.store, tenant).await?;
        self.raise_in(&mut own).await
    }

    /// Destroys the place of a tenant's own and everything in it. Rows in shared tables are not this one's business.
    pub(crate) async fn destroy(&self, base: &mut Owner) -> Result<(), Error> {
        match self.spot {
            Spot::Shared => Ok(()),
            Spot::Schema(tenant) => base.run(&format!("DROP SCHEMA IF EXISTS {} CASCADE", own_name(tenant))).await,
            Spot::Database(tenant) => {
                self.database.connections.forget(&self.store, tenant);
                match self.store.tenant_file(tenant) {
                    Some(file) => remove_file(&file),
                    None => self.drop_database(base, &own_name(tenant)).await,
                }
            }
        }
    }

    /// Nobody new gets in; whoever is still connected, from this process or another, is cut off.
    async fn drop_database(&self, base: &mut Owner, name: &str) -> Result<(), Error> {
        let mut dropped = Ok(());
        for _ in 0..ATTEMPTS {
            if !database_exists(base, name).await? {
                return Ok(());
            }
            base.run(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await?;
            self.cut_off(name).await?;
            dropped = base.run(&format!("DROP DATABASE {name}")).await;
            if dropped.is_ok() {
                break;
            }
        }
        dropped
    }

    /// Ends the serving role's sessions. It may do that itself; the owner may not, and need not be able to.
    async fn cut_off(&self, name: &str) -> Result<(), Error> {
        let place = self.database.place(&self.store, Spot::Shared);
        let sql = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}' AND usename = current_user"
        );
        let statement = Statement::from_string(place.backend(), sql);
        Lease::read_alone(&place, statement, Keys::default()).await.map(|_| ())
    }

    /// Whether the place of a tenant's own is there, finished or not.
    pub(crate) async fn exists(&self, base: &mut Owner) -> Result<bool, Error> {
        match self.spot {
            Spot::Shared => Ok(true),
            Spot::Schema(tenant) => {
                base.is_true(&format!("SELECT to_regnamespace('{}') IS NOT NULL", own_name(tenant))).await
            }
            Spot::Database(tenant) => match self.store.tenant_file(tenant) {
                Some(file) => Ok(file.exists()),
                None => database_exists(base, &own_name(tenant)).await,
            },
        }
    }

    /// The names of the set's migrations that the place has had. None if it has no ledger.
    pub(crate) async fn applied(&self, owner: &mut Owner, set: &Set) -> Result<Vec<String>, Error> {
        let ledger = set.ledger;
        let there = match self.dialect() {
            Dialect::Postgres => format!("SELECT to_regclass('{}.{ledger}') IS NOT NULL", self.spot.schema()),
            Dialect::Sqlite => format!("SELECT count(*) > 0 FROM sqlite_schema WHERE name = '{ledger}'"),
        };
        if !owner.is_true(&there).await? {
            return Ok(Vec::new());
        }
        let ledger = match self.dialect() {
            Dialect::Postgres => {
                owner.run(&format!("SET lock_timeout = '{LOCK_TIMEOUT}'")).await?;
                format!("{}.{ledger}", self.spot.schema())
            }
            Dialect::Sqlite => ledger.to_owned(),
        };
        owner.texts(&format!("SELECT version FROM {ledger}")).await
    }

    async fn create_database(&self, base: &mut Owner, name: &str) -> Result<(), Error> {
        if database_exists(base, name).await? {
            return Ok(());
        }
        // A template that nobody can be connected to, or have put anything into.
        match base.run(&format!("CREATE DATABASE {name} TEMPLATE template0")).await {
            Err(Error::Internal(why)) if why.contains("(42501)") => {
                return Err(Error::NotPossible("the owner role may not create databases: give it CREATEDB".to_owned()));
            }
            // A process that died had sent the same, and the server went on with it.
            Err(_) if database_exists(base, name).await? => {}
            created => created?,
        }
        // Says whose it is, on a server that may serve several installations.
        base.run(&format!("COMMENT ON DATABASE {name} IS '{}'", self.mark())).await
    }

    /// What the databases of this installation's tenants are marked with.
    pub(crate) fn mark(&self) -> String {
        format!("a tenant of {}", self.database.settings.home.database_name()).replace('\'', "''")
    }

    async fn raise_in(&self, owner: &mut Owner) -> Result<usize, Error> {
        for _ in 1..LOCK_ATTEMPTS {
            match self.try_raise_in(owner).await {
                Err(Error::Busy) => tokio::time::sleep(BETWEEN_ATTEMPTS).await,
                raised => return raised,
            }
        }
        self.try_raise_in(owner).await
    }

    async fn try_raise_in(&self, owner: &mut Owner) -> Result<usize, Error> {
        let mut sets = vec![&TENANT];
        if self.is_home() {
            sets.insert(0, &CATALOG);
        }
        let mut sql = String::new();
        for set in sets {
            let applied = self.applied(owner, set).await?;
            let lacking = set.migrations.iter().filter(|migration| !applied.iter().any(|name| name == migration.name));
            sql.push_str(&set.ledger_sql());
            lacking.for_each(|migration| {
                sql.push_str(&set.step_sql(migration, self.dialect(), now().timestamp()));
            });
        }
        let script = match self.dialect() {
            Dialect::Postgres => self.postgres_script(&sql),
            Dialect::Sqlite => format!("BEGIN IMMEDIATE; {sql} COMMIT"),
        };
        owner.run_whole(&script).await.map_err(as_the_owner)?;
        Ok(TENANT.newest())
    }

    fn postgres_script(&self, sql: &str) -> String {
        let schema = self.spot.schema();
        let mut script = format!(
            "BEGIN; SET LOCAL client_min_messages = warning; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}';
             SET LOCAL statement_timeout = 0;"
        );
        if let Spot::Schema(_) = self.spot {
            script.push_str(&format!("CREATE SCHEMA IF NOT EXISTS {schema};"));
        }
        script.push_str(&format!("SET LOCAL search_path = {schema}; {sql} {} COMMIT", self.grants()));
        script
    }

    /// What the other roles may do here. An owner that serves as well is refused by the start-up check, with the reason.
    fn grants(&self) -> String {
        let settings = &self.database.settings;
        let (owner, serving) = (self.store.role(Party::Owner), settings.role(Party::Serving));
        let serving = serving.filter(|role| Some(*role) != owner);
        // A platform that shares the serving role gets no policy: it would be the serving role's as well.
        let platform = settings.role(Party::Platform).filter(|role| settings.role(Party::Serving) != Some(*role));
        let mut sql = String::new();
        if let Spot::Database(tenant) = self.spot {
            sql.push_str(&format!(
                "REVOKE ALL ON DATABASE {} FROM PUBLIC; REVOKE CREATE ON SCHEMA public FROM PUBLIC;",
                own_name(tenant)
            ));
        }
        if let Some(role) = serving {
            if let Spot::Database(tenant) = self.spot {
                sql.push_str(&format!("GRANT CONNECT ON DATABASE {} TO {};", own_name(tenant), access::quote(role)));
            }
            sql.push_str(&access::tenant_grants(&self.spot.schema(), role));
            if self.is_home() {
                sql.push_str(&access::catalog_grants(role));
            }
        }
        // Cross-tenant work is on tables that tenants share; in a place of its own there is nobody to cross to.
        if let (Some(role), Spot::Shared) = (platform, self.spot) {
            sql.push_str(&access::platform_grants(role, self.is_home()));
        }
        sql
    }

    fn is_home(&self) -> bool {
        self.spot == Spot::Shared && self.store.name().is_none()
    }

    fn dialect(&self) -> Dialect {
        if self.store.is_sqlite() { Dialect::Sqlite } else { Dialect::Postgres }
    }
}

/// Who is not the owner is told which variable says who is.
fn as_the_owner(error: Error) -> Error {
    match error {
        Error::Internal(why) if why.contains("(42501)") => Error::NotPossible(format!(
            "the role of DATABASE_OWNER_URL (of DATABASE_URL, where that is not set) may not make these tables: {why}"
        )),
        other => other,
    }
}

async fn database_exists(base: &mut Owner, name: &str) -> Result<bool, Error> {
    base.is_true(&format!("SELECT count(*) > 0 FROM pg_database WHERE datname = '{name}'")).await
}

/// Removes a database's file and what SQLite keeps beside it; gone already is as good.
fn remove_file(file: &std::path::Path) -> Result<(), Error> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut path = file.as_os_str().to_owned();
        path.push(suffix);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::Unavailable(format!("a tenant's file cannot be removed: {error}")));
            }
            _ => {}
        }
    }
    Ok(())
}
