//! Deletes a tenant through its own scope.
//!
//! Must fail: a tenant's own row cannot be deleted; only the platform marks one as deleted.

use entity::{Filter, Tenant, TenantAccess, TenantScoped};

pub async fn delete(access: TenantAccess) {
    access.tenants().delete(access.id(), Filter::all()).await;
}

pub async fn delete_many(tenants: TenantScoped<Tenant>) {
    tenants.delete_many(Filter::all()).await;
}
