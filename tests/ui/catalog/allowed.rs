//! A tenant's look at its own row of the catalog.

use entity::{AuditRecord, Error, Filter, NewTenant, Tenant, TenantAccess, TenantScoped};
use tenantry::auth::extract::PlatformCaller;

pub async fn own(access: TenantAccess) -> Result<Option<Tenant>, Error> {
    let own: TenantScoped<Tenant> = access.tenants();
    own.find(Filter::all()).await
}

pub async fn made(caller: PlatformCaller, new: NewTenant) -> Result<Vec<AuditRecord>, Error> {
    caller.platform().tenant_create(new).await?;
    Ok(caller.platform().audit_list(Default::default(), None, 20).await?.rows)
}
