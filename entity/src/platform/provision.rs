//! A tenant's place, made.
//!
//! The catalog says first that the tenant is being provisioned; then its place is made and looked at; then the catalog says
//! that it is served. Each step can be repeated. Whoever finds a tenant that is being provisioned, and nobody at it, goes on
//! from wherever that stopped.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryTrait, StatementBuilder};
use uuid::Uuid;

use super::tenants::{first, updating};
use super::{KEYS, NewTenant, Platform, tenant_by_id};
use crate::cache;
use crate::connection::{Access, Binding, Lease};
use crate::database::Database;
use crate::entities::{slug, tenant, tenant_version};
use crate::error::{Error, internal};
use crate::gatekeeper::TenantName;
use crate::guard;
use crate::operations::running_of;
use crate::owner::{Owner, Site, TenantLock};
use crate::place::Spot;
use crate::resource::now;
use crate::rows::Rows;
use crate::vocabulary::{Isolation, TenantStatus, WorkState};

/// How long to wait for somebody else who makes the same place.
const OTHERS: Duration = Duration::from_secs(10);

/// How long whoever asks for a tenant waits for it. Making it goes on after that.
const ASKER: Duration = Duration::from_secs(20);

impl Platform<'_> {
    /// Makes a tenant and its place. On return it is ready to serve, unless that takes very long: then it is still being
    /// provisioned, and will be ready by itself.
    ///
    /// Asking again for a tenant that is being provisioned goes on with it. If its place cannot be made, there is no such
    /// tenant afterwards either.
    pub async fn tenant_create(&self, new: NewTenant) -> Result<tenant::Model, Error> {
        let is_there = new.isolation == Isolation::Shared && new.datastore.is_none();
        if is_there {
            return self.tenant_enter(new, TenantStatus::Active, None).await;
        }
        self.check_placement(new.isolation, new.datastore.as_deref())?;
        let (slug, isolation, datastore) = (new.slug.clone(), new.isolation, new.datastore.clone());
        self.database.settings.steps.reach("nothing entered").await;
        let tenant = match self.tenant_enter(new, TenantStatus::Provisioning, None).await {
            Err(Error::Conflict { field: Some("slug") }) => {
                let there = self.tenant_find(&TenantName::Slug(slug)).await?;
                let same = |it: &tenant::Model| {
                    it.status == TenantStatus::Provisioning && it.isolation == isolation && it.datastore == datastore
                };
                there.filter(same).ok_or(Error::Conflict { field: Some("slug") })?
            }
            entered => entered?,
        };
        let (database, id) = (self.database.clone(), tenant.id);
        let making = self.database.spawn(async move { make(&database, id).await });
        match tokio::time::timeout(ASKER, making).await {
            Ok(Ok(made)) => made,
            Ok(Err(_)) => Err(Error::Internal("making a tenant's place panicked".to_owned())),
            Err(_) => Ok(tenant),
        }
    }

    /// Whether a tenant could be placed like this here.
    pub fn check_placement(&self, isolation: Isolation, datastore: Option<&str>) -> Result<(), Error> {
        let Some(store) = self.database.settings.store(datastore) else {
            let known = self.database.datastores().join(", ");
            let known = if known.is_empty() { "none".to_owned() } else { known };
            return Err(Error::Unplaceable {
                field: "datastore",
                why: format!("must be a server of DATASTORES: {known}"),
            });
        };
        if store.is_sqlite() && isolation == Isolation::Schema {
            let why = "must be shared or database: SQLite has no schemas".to_owned();
            return Err(Error::Unplaceable { field: "isolation", why });
        }
        let is_home = isolation == Isolation::Shared && store.name().is_none();
        if !is_home && !store.has_owner() {
            let field = if isolation == Isolation::Shared { "datastore" } else { "isolation" };
            let fine = if field == "datastore" { "absent" } else { "absent or shared" };
            let why = format!("must be {fine}: this process has no DATABASE_OWNER_URL, so it can make no place");
            return Err(Error::Unplaceable { field, why });
        }
        Ok(())
    }
}

/// Makes the place of a tenant that is being provisioned, or undoes the tenant if that is not possible.
async fn make(database: &Database, id: Uuid) -> Result<tenant::Model, Error> {
    let mut lock = TenantLock::take(database, id, OTHERS, &mut None).await?;
    let made = make_locked(database, id, &mut lock).await;
    lock.end(database).await;
    made
}

async fn make_locked(database: &Database, id: Uuid, lock: &mut TenantLock) -> Result<tenant::Model, Error> {
    let found = tenant_by_id(database, id).await?;
    let tenant = found.ok_or_else(|| Error::NotPossible("the tenant was not made".to_owned()))?;
    if tenant.status != TenantStatus::Provisioning {
        return Ok(tenant);
    }
    match build(database, &tenant, lock).await {
        Ok(made) => Ok(made),
        Err(error) => {
            undo(database, &tenant, lock).await?;
            Err(error)
        }
    }
}

async fn build(database: &Database, tenant: &tenant::Model, lock: &mut TenantLock) -> Result<tenant::Model, Error> {
    let version = raise(database, tenant, lock).await?;
    let served = serve(database, tenant.id, version, TenantStatus::Active).await?;
    database.settings.steps.reach("tenant served").await;
    served.ok_or_else(|| Error::NotPossible("the tenant was deleted while it was made".to_owned()))
}

/// Makes a tenant's place and looks at it.
pub(crate) async fn raise(database: &Database, tenant: &tenant::Model, lock: &mut TenantLock) -> Result<usize, Error> {
    let steps = &database.settings.steps;
    steps.reach("tenant entered").await;
    let store = database.store(tenant.datastore.as_deref())?;
    let spot = Spot::of(tenant.isolation, tenant.id);
    let mut own = None;
    let base = Owner::beside(database, &store, lock, &mut own).await?;
    let version = Site::new(database, Arc::clone(&store), spot).raise(base).await?;
    steps.reach("place made").await;
    let wrong = guard::examine_place(&database.place(&store, spot)).await?;
    if !wrong.is_empty() {
        return Err(Error::NotPossible(format!("the place does not keep tenants apart: {}", wrong.join("; "))));
    }
    steps.reach("place checked").await;
    Ok(version)
}

/// From now on the tenant is served.
pub(crate) async fn serve(
    database: &Database,
    id: Uuid,
    version: usize,
    status: TenantStatus,
) -> Result<Option<tenant::Model>, Error> {
    let backend = database.platform.backend();
    let version = i32::try_from(version).unwrap_or(i32::MAX);
    let mut update = updating(id);
    update
        .value(tenant::Column::Status, status.as_str())
        .value(tenant::Column::Suspended, status == TenantStatus::Suspended)
        .value(tenant::Column::SchemaVersion, version)
        .and_where(tenant::Column::Status.eq(TenantStatus::Provisioning.as_str()));
    let ledger = tenant_version::Entity::insert(tenant_version::ActiveModel {
        tenant_id: Set(id),
        version: Set(version),
        state: Set(WorkState::Done),
        started_at: Set(now()),
        ended_at: Set(Some(now())),
        error: Set(None),
    });
    let mut lease = Lease::begin(&database.platform, Access::Write, Binding::Nobody).await?;
    let served = first(&lease.rows(StatementBuilder::build(&update, &backend), KEYS).await?)?;
    lease.affected(StatementBuilder::build(&ledger.into_query(), &backend), KEYS).await?;
    lease.commit().await?;
    Ok(served)
}

/// Takes back a tenant that never was: its place first, so that nothing is left that nobody knows of.
pub(crate) async fn undo(database: &Database, tenant: &tenant::Model, lock: &mut TenantLock) -> Result<(), Error> {
    destroy(database, tenant, lock).await?;
    database.settings.steps.reach("place undone").await;
    let backend = database.platform.backend();
    let mut lease = Lease::begin(&database.platform, Access::Write, Binding::Nobody).await?;
    let delete = Query::delete()
        .from_table(tenant::Entity)
        .and_where(Expr::col(tenant::Column::Id).eq(tenant.id))
        .and_where(Expr::col(tenant::Column::Status).eq(TenantStatus::Provisioning.as_str()))
        .take();
    // Nobody has ever had a token for it: its slug is free again.
    let slugs = slug::Entity::delete_many().filter(slug::Column::TenantId.eq(tenant.id)).into_query();
    if lease.affected(StatementBuilder::build(&delete, &backend), KEYS).await? > 0 {
        lease.affected(StatementBuilder::build(&slugs, &backend), KEYS).await?;
    }
    lease.commit().await
}

/// Destroys everything that the tenant's place has of it.
pub(crate) async fn destroy(database: &Database, tenant: &tenant::Model, lock: &mut TenantLock) -> Result<(), Error> {
    let store = database.store(tenant.datastore.as_deref())?;
    let spot = Spot::of(tenant.isolation, tenant.id);
    if spot == Spot::Shared {
        Rows::new(tenant.id, &database.place(&store, spot)).delete_all().await?;
    } else {
        let mut own = None;
        let base = Owner::beside(database, &store, lock, &mut own).await?;
        Site::new(database, Arc::clone(&store), spot).destroy(base).await?;
    }
    database.cache.clear(cache::all_of(tenant.id)).await;
    Ok(())
}

/// Goes on with every tenant that has been provisioned for this long and that nobody is at. What cannot be finished stays for
/// the next time.
pub(crate) async fn finish_provisioning(database: &Database, age: Duration) -> Result<(), Error> {
    let select = tenant::Entity::find()
        .filter(tenant::Column::Status.eq(TenantStatus::Provisioning.as_str()))
        .filter(tenant::Column::UpdatedAt.lte(now() - age))
        .into_query();
    let statement = StatementBuilder::build(&select, &database.platform.backend());
    let rows = Lease::read_alone(&database.platform, statement, KEYS).await?;
    for row in rows {
        let tenant = tenant::Model::from_query_result(&row, "").map_err(internal)?;
        let Some(mut lock) = TenantLock::try_take(database, tenant.id).await? else { continue };
        let still = tenant_by_id(database, tenant.id).await?;
        let is_imported = running_of(database, tenant.id).await?.is_some();
        if !is_imported && still.is_some_and(|tenant| tenant.status == TenantStatus::Provisioning) {
            match build(database, &tenant, &mut lock).await {
                Ok(_) => tracing::info!(tenant = %tenant.id, "finished a tenant that was being provisioned"),
                Err(error) => tracing::warn!(tenant = %tenant.id, %error, "a tenant cannot be provisioned yet"),
            }
        }
    }
    Ok(())
}
