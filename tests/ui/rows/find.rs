//! Looks for rows of all tenants, as SeaORM's entities would: `find()` on every model.
//!
//! Must fail: models are plain rows. Finding is a function of the entity, which the data crate keeps to itself.

use entity::{AuditRecord, IdempotencyRecord, Post, Tenant, User};

pub async fn users() {
    User::find();
}

pub async fn posts() {
    Post::find();
}

pub async fn tenants() {
    Tenant::find();
}

pub async fn idempotency_records() {
    IdempotencyRecord::find();
}

pub async fn audit_records() {
    AuditRecord::find();
}
