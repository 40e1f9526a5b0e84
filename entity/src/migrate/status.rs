//! How far everything is: asked for, not changed.

use std::sync::Arc;

use migration::{CATALOG, Set, TENANT};
use sea_orm::{DbErr, QueryResult, Statement};
use serde::Serialize;

use super::{MigrationStatus, TenantFailure, is_catalog_there};
use crate::connection::Lease;
use crate::database::{Database, OpenError, connect};
use crate::error::{Error, Keys, internal};
use crate::owner::{Owner, Site};
use crate::place::Spot;
use crate::platform::newest_schema;
use crate::settings::{DatabaseSettings, Store};

/// The version of every tenant with tables of its own, and how its last migration ended.
const FLEET: &str = "
    SELECT t.schema_version, CASE WHEN t.status = 'provisioning' THEN t.status ELSE v.state END, count(*)
    FROM tenants t LEFT JOIN tenant_versions v ON v.tenant_id = t.id
    WHERE t.isolation <> 'shared' GROUP BY 1, 2 ORDER BY 1, 2";

const FAILED: &str = "
    SELECT t.slug, v.error FROM tenant_versions v JOIN tenants t ON t.id = v.tenant_id
    WHERE v.state = 'failed' ORDER BY t.id";

/// How far everything is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Every migration of this program, in order, for the tables that are there once on each server.
    pub migrations: Vec<MigrationStatus>,
    /// Servers that could not be asked.
    pub away: Vec<Away>,
    /// The tenants with tables of their own; none while the catalog is older than this program.
    pub fleet: Option<Fleet>,
}

/// A server that does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Away {
    /// Its name in `DATASTORES`.
    pub datastore: String,
    /// Why.
    pub error: String,
}

/// The tenants with tables of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fleet {
    /// The version that they are to have.
    pub newest: i32,
    /// How many have which.
    pub versions: Vec<FleetVersion>,
    /// Those whose last migration failed.
    pub failed: Vec<TenantFailure>,
}

/// How many tenants are at the same point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FleetVersion {
    /// The version of their tables.
    pub version: i32,
    /// How their last migration ended: `done`, `failed`, or `running` if it has not; `provisioning` while they are made. None if
    /// they were never migrated by themselves.
    pub state: Option<String>,
    /// How many.
    pub tenants: i64,
}

/// How far everything is, on every server and in the fleet.
pub async fn status(settings: &DatabaseSettings) -> Result<Status, OpenError> {
    let database = connect(settings)?;
    let mut status = Status { migrations: Vec::new(), away: Vec::new(), fleet: None };
    for store in database.settings.stores() {
        match (status_at(&database, store).await, store.name()) {
            (Ok(migrations), _) => status.migrations.extend(migrations),
            (Err(error), None) => return Err(error.into()),
            (Err(error), Some(name)) => {
                status.away.push(Away { datastore: name.to_owned(), error: error.to_string() });
            }
        }
    }
    if is_catalog_there(&database).await? {
        status.fleet = Some(fleet(&database).await?);
    }
    Ok(status)
}

async fn status_at(database: &Database, store: &Arc<Store>) -> Result<Vec<MigrationStatus>, Error> {
    status_of(database, store, &mut Owner::at(database, store).await?).await
}

/// Every migration, and whether the tables that are there once have had it.
pub(super) async fn status_of(
    database: &Database,
    store: &Arc<Store>,
    owner: &mut Owner,
) -> Result<Vec<MigrationStatus>, Error> {
    let site = Site::new(database, Arc::clone(store), Spot::Shared);
    let sets: &[&Set] = if store.name().is_none() { &[&CATALOG, &TENANT] } else { &[&TENANT] };
    let mut status = Vec::new();
    for set in sets {
        let applied = site.applied(owner, set).await?;
        status.extend(set.migrations.iter().map(|migration| MigrationStatus {
            datastore: store.name().map(str::to_owned),
            set: set.name,
            name: migration.name.to_owned(),
            applied: applied.iter().any(|name| name == migration.name),
        }));
    }
    Ok(status)
}

async fn fleet(database: &Database) -> Result<Fleet, Error> {
    let versions = rows(database, FLEET, |row| {
        Ok(FleetVersion {
            version: row.try_get_by_index(0)?,
            state: row.try_get_by_index(1)?,
            tenants: row.try_get_by_index(2)?,
        })
    });
    let failed = rows(database, FAILED, |row| {
        let error: Option<String> = row.try_get_by_index(1)?;
        Ok(TenantFailure { tenant: row.try_get_by_index(0)?, error: error.unwrap_or_default() })
    });
    Ok(Fleet { newest: newest_schema(), versions: versions.await?, failed: failed.await? })
}

/// As the platform: the owner sees no tenant's row.
async fn rows<T>(
    database: &Database,
    sql: &str,
    read: impl Fn(&QueryResult) -> Result<T, DbErr>,
) -> Result<Vec<T>, Error> {
    let statement = Statement::from_string(database.platform.backend(), sql);
    let rows = Lease::read_alone(&database.platform, statement, Keys::default()).await?;
    rows.iter().map(|row| read(row).map_err(internal)).collect()
}
