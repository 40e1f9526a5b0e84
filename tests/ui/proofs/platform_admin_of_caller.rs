//! Takes the platform's proof out of an extractor.
//!
//! Must fail: the fields are private, and the accessor is for authentication only.

use entity::PlatformAdmin;
use tenantry::auth::extract::{PlatformCaller, TenantReader};

pub fn of_platform_caller(caller: PlatformCaller) -> PlatformAdmin {
    caller.admin
}

pub fn of_tenant_caller(caller: TenantReader) -> Option<PlatformAdmin> {
    caller.platform.clone()
}

pub fn by_accessor(caller: TenantReader) -> Option<PlatformAdmin> {
    caller.platform_admin().cloned()
}
