//! Reads tenants' rows through the platform's door.
//!
//! Must fail: the door leads to the catalog and the audit log. A tenant's rows are reached
//! as that tenant, which is audited.

use entity::Tenant;
use tenantry::auth::extract::PlatformCaller;

pub async fn users(caller: PlatformCaller) {
    caller.platform().users();
}

pub async fn scope(caller: PlatformCaller, tenant: Tenant) {
    caller.platform().tenant_access(&tenant);
}

pub async fn admitted(caller: PlatformCaller, tenant: Tenant) {
    caller.platform().admit(&tenant);
}
