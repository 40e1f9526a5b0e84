//! Works across tenants without a trace in the audit log.
//!
//! Must fail: every public change writes its own entry; the parts it is made of are private to the data crate.

use entity::AuditEntry;
use tenantry::auth::extract::PlatformCaller;

pub async fn begin(caller: PlatformCaller) {
    caller.platform().begin().await;
}

pub async fn turn(caller: PlatformCaller) {
    caller.platform().turn(unreachable!(), unreachable!(), unreachable!(), unreachable!()).await;
}

pub async fn forged_operator(caller: PlatformCaller, entry: AuditEntry) {
    caller.platform().audit_record(AuditEntry { actor: "somebody else".to_owned(), ..entry }).await;
}

pub async fn erased(caller: PlatformCaller) {
    caller.platform().audit_delete().await;
}
