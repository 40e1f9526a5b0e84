//! Deletes every tenant's rows, or a row without its tenant.
//!
//! Must fail: deleting is a function of the entity or of a scope, never of a model.

use entity::{IdempotencyRecord, Post, Tenant, User};

pub async fn users() {
    User::delete_many();
}

pub async fn posts() {
    Post::delete_many();
}

pub async fn tenants() {
    Tenant::delete_by_id(uuid::Uuid::nil());
}

pub async fn idempotency_records() {
    IdempotencyRecord::delete_many();
}

pub async fn user(row: User) {
    row.delete();
}

pub async fn post(row: Post) {
    row.delete();
}
