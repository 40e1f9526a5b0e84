//! Writes an access down field by field, or swaps the tenant of a real one.
//!
//! Must fail: the fields are private to the data crate.

use entity::{Tenant, TenantAccess};

pub fn literal(tenant: Tenant) -> TenantAccess {
    TenantAccess { tenant: tenant.into(), place: unreachable!(), catalog: unreachable!(), keys: unreachable!() }
}

pub fn swapped(access: TenantAccess, other: Tenant) -> TenantAccess {
    TenantAccess { tenant: other.into(), ..access }
}
