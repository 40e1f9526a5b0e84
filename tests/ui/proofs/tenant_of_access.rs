//! Turns a real access towards another tenant.
//!
//! Must fail: the tenant is private and lent for reading only.

use entity::{Tenant, TenantAccess};
use uuid::Uuid;

pub fn through_the_row(access: &mut TenantAccess, other: Uuid) {
    access.tenant().id = other;
}

pub fn replaced(access: &mut TenantAccess, other: Tenant) {
    access.tenant = other.into();
}

pub fn lent(access: &mut TenantAccess) -> &mut Tenant {
    access.tenant_mut()
}

pub fn switched(access: &TenantAccess, other: Uuid) {
    access.with_tenant(other);
}
