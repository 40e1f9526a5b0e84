//! Reads or rewrites the audit log as a tenant.
//!
//! Must fail: the audit log is no tenant's resource.

use entity::{AuditRecord, Filter, TenantAccess, TenantScoped};

pub async fn read(access: TenantAccess) {
    access.audit();
}

pub fn scoped(_: TenantScoped<AuditRecord>) {}

pub fn filtered() {
    Filter::<AuditRecord>::all();
}
