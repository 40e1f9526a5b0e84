//! Moves rows to another tenant by an update.
//!
//! Must fail: changes have no field for the tenant.

use entity::{IdempotencyChanges, OwnTenantChanges, PostChanges, UserChanges};
use uuid::Uuid;

pub fn user(other: Uuid) -> UserChanges {
    UserChanges { tenant_id: Some(other), ..UserChanges::default() }
}

pub fn post(other: Uuid) -> PostChanges {
    PostChanges { tenant_id: Some(other), ..PostChanges::default() }
}

pub fn idempotency_record(other: Uuid) -> IdempotencyChanges {
    IdempotencyChanges { tenant_id: Some(other), ..IdempotencyChanges::default() }
}

pub fn tenant(other: Uuid) -> OwnTenantChanges {
    OwnTenantChanges { id: Some(other), ..OwnTenantChanges::default() }
}

pub fn assigned(mut changes: UserChanges, other: Uuid) {
    changes.tenant_id = Some(other);
}
