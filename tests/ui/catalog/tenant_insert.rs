//! Makes a tenant through a tenant's scope.
//!
//! Must fail: a tenant's own row is not insertable; only the platform makes tenants.

use entity::{NewTenant, Tenant, TenantAccess};

pub async fn insert(access: TenantAccess, new: NewTenant) {
    access.tenants().insert(new).await;
}

pub async fn insert_many(access: TenantAccess, new: NewTenant) {
    access.tenants().insert_many(vec![new]).await;
}

pub async fn insert_if_absent(access: TenantAccess, new: NewTenant) {
    access.tenants().insert_if_absent(new).await;
}

pub async fn upsert(access: TenantAccess, row: Tenant) {
    access.tenants().upsert(row).await;
}
