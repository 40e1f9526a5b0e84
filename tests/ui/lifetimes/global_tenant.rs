//! Declares a current tenant for the whole program, as a plain global.
//!
//! Must fail: a tenant's access cannot be made before a request has been admitted, so there is nothing to begin with.

use entity::TenantAccess;

pub fn current() -> &'static TenantAccess {
    static CURRENT: TenantAccess = TenantAccess::new(unreachable!(), unreachable!(), unreachable!());
    &CURRENT
}
