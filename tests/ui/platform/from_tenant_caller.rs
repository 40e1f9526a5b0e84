//! Opens the platform's door from inside a tenant. An operator who works in a tenant is a caller there like any other.
//!
//! Must fail: a tenant's caller has no such door, and its proof of being an operator is for authentication only.

use entity::TenantAccess;
use tenantry::auth::extract::TenantAdmin;

pub fn door(caller: TenantAdmin) {
    caller.platform();
}

pub fn proof(caller: TenantAdmin) {
    caller.platform_admin();
}

pub fn of_access(access: TenantAccess) {
    access.platform();
}
