//! Bringing the catalog and every tenant's tables to this program's version, as the owner.
//!
//! First the tables that are there once: the catalog, and on each server those that tenants share. Then the *fleet*: the
//! tenants with a schema or a database of their own, many at a time. What has been done is known from the places and the
//! catalog alone, so a run that was killed is taken up by the next one.

mod fleet;
mod report;
mod status;

use std::fmt;
use std::sync::Arc;

use migration::{CATALOG, Set, TENANT};
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, DbBackend, Statement, StatementBuilder};

use crate::connection::{Access, Binding, Lease};
use crate::database::{Database, OpenError, connect};
use crate::entities::tenant;
use crate::error::{Error, Keys, internal};
use crate::owner::{FleetLock, Owner, Site};
use crate::place::{Place, Spot};
use crate::settings::{DatabaseSettings, Store};
use crate::vocabulary::Isolation;

pub(crate) use fleet::{bring_up as bring_up_tenant, note_current as note_current_tenant};
pub use report::{MigrationStatus, Report, TenantFailure, Watch};
pub use status::{Away, Fleet, FleetVersion, Status, status};

/// What to migrate, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Only these tenants, by slug or id; all when empty.
    pub tenants: Vec<String>,
    /// How many tenants at a time.
    pub concurrency: usize,
    /// The tenant to migrate first, and alone: if it fails, no other one is touched. One that lacks nothing any more has passed
    /// already.
    pub canary: Option<String>,
    /// After how many failed tenants to stop.
    pub most_failures: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { dry_run: false, tenants: Vec::new(), concurrency: 4, canary: None, most_failures: 10 }
    }
}

/// What a database lacks of this program's migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Migrations that the catalog lacks.
    pub catalog: usize,
    /// Migrations that the shared tenant tables lack and cannot be served without.
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

/// Brings everything up, and tells what was done and what failed.
pub async fn run(settings: &DatabaseSettings, options: &Options, watch: &dyn Watch) -> Result<Report, OpenError> {
    let database = connect(settings)?;
    let report = run_on(&database, options, watch).await;
    report.map_err(|error| match error {
        Error::NotPossible(why) => OpenError::NotPossible(why),
        other => other.into(),
    })
}

async fn run_on(database: &Database, options: &Options, watch: &dyn Watch) -> Result<Report, Error> {
    // Nobody else migrates meanwhile; whoever only looks does not wait.
    let mut lock = if options.dry_run { None } else { Some(FleetLock::take(database).await?) };
    let mut report = Report::default();
    // Before anything is touched, where there is somebody to be named. As the platform, whose connections nobody else needs here.
    let had_catalog = applied(&database.platform, &CATALOG).await?.is_some();
    if had_catalog {
        fleet::check_names(database, options).await?;
    }
    let away = raise_stores(database, options, lock.as_mut(), &mut report).await?;
    if options.dry_run && !is_catalog_there(database).await? {
        return Ok(report);
    }
    if !had_catalog {
        fleet::check_names(database, options).await?;
    }
    fleet::migrate(database, options, watch, &away, &mut report).await?;
    Ok(report)
}

/// Brings everything up in the usual way.
pub async fn up(settings: &DatabaseSettings) -> Result<Report, OpenError> {
    run(settings, &Options::default(), &()).await
}

/// The tables that are there once. Home must come up; another server that fails is reported, and the rest goes on. Answers
/// with the names of those that are away.
async fn raise_stores(
    database: &Database,
    options: &Options,
    mut lock: Option<&mut FleetLock>,
    report: &mut Report,
) -> Result<Vec<String>, Error> {
    let mut away = Vec::new();
    for store in database.settings.stores() {
        let raised = raise_store(database, store, options.dry_run, lock.as_deref_mut()).await;
        match (raised, store.name()) {
            (Ok(applied), _) => report.applied.extend(applied),
            (Err(error), None) => return Err(error),
            (Err(error), Some(name)) => {
                if matches!(error, Error::Unavailable(_)) {
                    away.push(name.to_owned());
                }
                report.failed.push(TenantFailure { tenant: format!("datastore {name}"), error: error.to_string() });
            }
        }
    }
    Ok(away)
}

/// At home, on the connection that holds the lock: there may be no other one.
async fn raise_store(
    database: &Database,
    store: &Arc<Store>,
    dry_run: bool,
    lock: Option<&mut FleetLock>,
) -> Result<Vec<MigrationStatus>, Error> {
    let mut own = None;
    let owner = match lock.and_then(FleetLock::home) {
        Some(home) if store.name().is_none() => home,
        _ => own.insert(Owner::at(database, store).await?),
    };
    let mut lacking = lacking(database, store, owner).await?;
    if !dry_run {
        let site = Site::new(database, Arc::clone(store), Spot::Shared);
        let version = site.raise(owner).await?;
        lacking.iter_mut().for_each(|migration| migration.applied = true);
        note_shared_version(database, store, version).await?;
    }
    Ok(lacking)
}

async fn lacking(database: &Database, store: &Arc<Store>, owner: &mut Owner) -> Result<Vec<MigrationStatus>, Error> {
    let all = status::status_of(database, store, owner).await?;
    Ok(all.into_iter().filter(|migration| !migration.applied).collect())
}

/// Tenants in shared tables have what those have. Written as the platform: the owner sees no tenant's row.
async fn note_shared_version(database: &Database, store: &Store, version: usize) -> Result<(), Error> {
    let version = i32::try_from(version).unwrap_or(i32::MAX);
    let on_store = match store.name() {
        Some(name) => tenant::Column::Datastore.eq(name),
        None => tenant::Column::Datastore.is_null(),
    };
    let update = Query::update()
        .table(tenant::Entity)
        .value(tenant::Column::SchemaVersion, version)
        .and_where(tenant::Column::Isolation.eq(Isolation::Shared.as_str()))
        .and_where(on_store)
        .and_where(tenant::Column::SchemaVersion.lt(version))
        .take();
    let mut lease = Lease::begin(&database.platform, Access::Write, Binding::Nobody).await?;
    lease.affected(StatementBuilder::build(&update, &lease.backend()), Keys::default()).await?;
    lease.commit().await
}

async fn is_catalog_there(database: &Database) -> Result<bool, Error> {
    Ok(applied(&database.serving, &CATALOG).await?.is_some_and(|applied| applied >= CATALOG.newest()))
}

/// What the database lacks, as seen by the serving role.
pub(crate) async fn pending(database: &Database) -> Result<Pending, Error> {
    let catalog = applied(&database.serving, &CATALOG).await?;
    let tenant = applied(&database.serving, &TENANT).await?;
    Ok(Pending {
        catalog: CATALOG.newest().saturating_sub(catalog.unwrap_or(0)),
        tenant: TENANT.oldest_served().saturating_sub(tenant.unwrap_or(0)),
        is_empty: catalog.is_none() && tenant.is_none(),
    })
}

/// How many migrations a ledger at home has; `None` when there is no ledger.
async fn applied(place: &Place, set: &Set) -> Result<Option<usize>, Error> {
    let ledger = set.ledger;
    let read = |sql: String| async {
        let statement = Statement::from_string(place.backend(), sql);
        let rows = Lease::read_alone(place, statement, Keys::default()).await?;
        rows.first().map(|row| row.try_get_by_index::<i64>(0)).transpose().map_err(internal)
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
