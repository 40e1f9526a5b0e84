//! Exchanges the caller inside an extractor for another one.
//!
//! Must fail: an extractor lends its caller for reading only.

use tenantry::auth::extract::{Caller, TenantAdmin};

pub fn exchanged(mut mine: TenantAdmin, mut other: TenantAdmin) {
    std::mem::swap::<Caller>(&mut mine, &mut other);
}
