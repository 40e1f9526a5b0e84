//! Purging: everything that a deleted tenant has is destroyed, for good, and certified.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, StatementBuilder};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

use crate::connection::{Access, Binding, Lease};
use crate::database::Database;
use crate::encryption;
use crate::entities::operation::{self, TableSum};
use crate::entities::{tenant, tenant_version};
use crate::error::{Error, Keys};
use crate::gatekeeper::PlatformAdmin;
use crate::moving::{Fence, location};
use crate::operations::{Beginning, Ended, Record, running_of};
use crate::owner::TenantLock;
use crate::place::Spot;
use crate::platform::{AuditEntry, Platform, destroy, tenant_by_id};
use crate::resource::now;
use crate::rows::{Rows, tables};
use crate::settings::own_name;
use crate::vocabulary::{Isolation, OperationKind, TenantStatus};

/// How long to wait for whoever else works on the tenant.
const OTHERS: Duration = Duration::from_secs(10);

/// How long to wait for writes that are under way, of requests from before the tenant was deleted.
const WRITES_END: Duration = Duration::from_secs(5);

/// Says what was destroyed, where and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// The operation that did it.
    pub id: Uuid,
    /// Whose data it was.
    pub tenant_id: Uuid,
    /// The tenant's short name, which nobody else ever gets.
    pub slug: String,
    /// The tenant's shown name.
    pub name: String,
    /// Where its rows were.
    pub isolation: Isolation,
    /// On which further server, if not the first.
    pub datastore: Option<String>,
    /// What its place was called.
    pub place: String,
    /// What was in it.
    pub destroyed: Vec<Destroyed>,
    /// Who asked for it.
    pub requested_by: String,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When nothing was left.
    pub purged_at: DateTime<Utc>,
}

/// The rows of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Destroyed {
    /// Which table.
    pub table: String,
    /// How many rows.
    pub rows: u64,
}

impl Platform<'_> {
    /// Destroys everything a deleted tenant has, and its row in the catalog. Its slug stays taken: tokens may still name it.
    pub async fn tenant_purge(&self, id: Uuid) -> Result<Certificate, Error> {
        let tenant = self.tenant_by_id(id).await?.ok_or_else(gone)?;
        if tenant.status != TenantStatus::Deleted {
            return Err(Error::NotPossible(format!(
                "a tenant that is {} cannot be purged: delete it first",
                tenant.status
            )));
        }
        let place = location(&tenant);
        if !self.database().store(place.datastore.as_deref())?.has_owner() {
            return Err(Error::NotPossible(
                "this process has no DATABASE_OWNER_URL, so it can destroy nothing".to_owned(),
            ));
        }
        let operation = match running_of(self.database(), id).await? {
            Some(under_way) if under_way.kind == OperationKind::Purge => under_way,
            _ => {
                let detail = json!({ "slug": tenant.slug });
                let (kind, source, action) = (OperationKind::Purge, place.clone(), "tenant.purge");
                let beginning = Beginning { kind, source, target: place, action, detail, also: Vec::new() };
                Record::begin(self, id, beginning).await?
            }
        };
        let (database, mut operation) = (self.database().clone(), operation);
        let purging = self.database().spawn(async move {
            let mut lock = TenantLock::take(&database, id, OTHERS, &mut None).await?;
            go_on(&database, &mut operation, &mut lock).await
        });
        purging.await.map_err(|_| Error::Internal("purging panicked".to_owned()))?
    }
}

fn gone() -> Error {
    Error::NotPossible("the tenant has been purged already".to_owned())
}

/// Does what is left of a purge. Each step can be repeated.
pub(crate) async fn go_on(
    database: &Database,
    operation: &mut operation::Model,
    lock: &mut TenantLock,
) -> Result<Certificate, Error> {
    let steps = &database.settings.steps;
    let Some(tenant) = tenant_by_id(database, operation.tenant_id).await? else {
        Record::end(database, operation, Ended::Well, Vec::new()).await?;
        return Err(gone());
    };
    if operation.phase == "preparing" {
        count(database, &tenant, operation).await?;
        Record::enter(database, operation, "destroying", Vec::new()).await?;
    }
    steps.reach("purge counted").await;
    if tenant.isolation == Isolation::Shared {
        let store = database.store(tenant.datastore.as_deref())?;
        Fence::new(database, Arc::clone(&store), Spot::Shared, tenant.id).put_up(WRITES_END).await?;
    }
    destroy_keys(database, &tenant).await?;
    steps.reach("purge keys destroyed").await;
    destroy(database, &tenant, lock).await?;
    steps.reach("purge destroyed").await;
    let certificate = certificate(&tenant, operation);
    forget(database, &tenant, &certificate).await?;
    steps.reach("purge forgotten").await;
    Record::end(database, operation, Ended::Well, Vec::new()).await?;
    Ok(certificate)
}

/// Counts what there is, before it is destroyed: afterwards nobody could.
async fn count(database: &Database, tenant: &tenant::Model, operation: &mut operation::Model) -> Result<(), Error> {
    let place = database.place_of(tenant)?;
    let rows = Rows::new(tenant.id, &place);
    operation.progress.tables.clear();
    operation.progress.rows = 0;
    for table in tables() {
        let count = match rows.count(&table).await {
            // A tenant that was never finished has nothing to be counted.
            Err(Error::NoPlace(_)) => 0,
            counted => counted?,
        };
        operation.progress.rows += count;
        operation.progress.tables.push(TableSum { table: table.name, rows: count, sha256: String::new() });
    }
    let keys = encryption::count(&database.platform, tenant.id).await?;
    if keys > 0 {
        let keys = TableSum { table: "data_keys".to_owned(), rows: keys, sha256: String::new() };
        operation.progress.tables.insert(0, keys);
    }
    Ok(())
}

/// First of all: without its keys, nothing that the tenant had sealed can be read, here or in a copy of its rows.
async fn destroy_keys(database: &Database, tenant: &tenant::Model) -> Result<(), Error> {
    let mut lease = Lease::begin(&database.platform, Access::Write, Binding::Nobody).await?;
    let delete = encryption::deletion(tenant.id);
    lease.affected(StatementBuilder::build(&delete, &lease.backend()), Keys::default()).await?;
    lease.commit().await?;
    database.keys.forget(tenant.id);
    Ok(())
}

fn certificate(tenant: &tenant::Model, operation: &operation::Model) -> Certificate {
    let own = own_name(tenant.id);
    Certificate {
        id: operation.id,
        tenant_id: tenant.id,
        slug: tenant.slug.clone(),
        name: tenant.name.clone(),
        isolation: tenant.isolation,
        datastore: tenant.datastore.clone(),
        place: match tenant.isolation {
            Isolation::Shared => "shared tables".to_owned(),
            Isolation::Schema => format!("schema {own}"),
            Isolation::Database => format!("database {own}"),
        },
        destroyed: operation
            .progress
            .tables
            .iter()
            .map(|sum| Destroyed { table: sum.table.clone(), rows: sum.rows })
            .collect(),
        requested_by: operation.actor.clone(),
        requested_at: operation.created_at,
        purged_at: now(),
    }
}

/// Takes the tenant out of the catalog and writes the certificate into the audit log, in one transaction.
async fn forget(database: &Database, tenant: &tenant::Model, certificate: &Certificate) -> Result<(), Error> {
    let delete = Query::delete().from_table(tenant::Entity).and_where(tenant::Column::Id.eq(tenant.id)).take();
    let ledger = Query::delete()
        .from_table(tenant_version::Entity)
        .and_where(tenant_version::Column::TenantId.eq(tenant.id))
        .take();
    let detail = serde_json::to_value(certificate).map_err(|error| Error::Internal(error.to_string()))?;
    let entry = AuditEntry { action: "tenant.purged", tenant_id: Some(tenant.id), detail };
    let mut lease = Lease::begin(&database.platform, Access::Write, Binding::Nobody).await?;
    for statement in [&ledger, &delete] {
        lease.affected(StatementBuilder::build(statement, &lease.backend()), Keys::default()).await?;
    }
    let admin = PlatformAdmin::by_operation(&certificate.requested_by);
    database.platform(&admin).write_down(&mut lease, entry).await?;
    lease.commit().await
}
