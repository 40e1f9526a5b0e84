//! Cross-tenant work by somebody who is proven to be of the platform.

use actix_web::web;
use entity::{AuditEntry, Database, Error, Platform, PlatformAdmin, Tenant, TenantAccess, TenantChanges, TenantQuery};
use tenantry::auth::extract::{PlatformCaller, TenantAdmin};

pub async fn listed(caller: PlatformCaller) -> Result<Vec<Tenant>, Error> {
    Ok(caller.platform().tenant_list(TenantQuery::default(), None, 20).await?.rows)
}

pub async fn renamed(caller: PlatformCaller, tenant: Tenant, changes: TenantChanges) -> Result<Option<Tenant>, Error> {
    caller.platform().tenant_update(tenant.id, None, changes).await
}

pub fn noted(entry: AuditEntry) -> &'static str {
    entry.action
}

pub fn is_operator(caller: TenantAdmin) -> (bool, TenantAccess) {
    (caller.is_platform(), caller.access().clone())
}

/// What the command line does, which holds the gatekeeper.
pub fn door<'a>(database: &'a web::Data<Database>, admin: &'a PlatformAdmin) -> Platform<'a> {
    database.platform(admin)
}
