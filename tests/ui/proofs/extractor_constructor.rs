//! Wraps a caller in an extractor by hand.
//!
//! Must fail: the constructors are private to authentication.

use tenantry::auth::extract::{Caller, TenantAdmin, TenantReader};

pub fn reader(caller: Caller) -> TenantReader {
    TenantReader(caller)
}

pub fn admin(caller: Caller) -> TenantAdmin {
    TenantAdmin(caller)
}
