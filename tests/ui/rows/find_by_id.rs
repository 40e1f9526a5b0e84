//! Reads a row by its id alone, whosever it is.
//!
//! Must fail: only a scope reads by id, and it adds the tenant.

use entity::{IdempotencyRecord, Post, Tenant, User};

pub async fn user(id: uuid::Uuid) {
    User::find_by_id(id);
}

pub async fn post(id: uuid::Uuid) {
    Post::find_by_id(id);
}

pub async fn tenant(id: uuid::Uuid) {
    Tenant::find_by_id(id);
}

pub async fn idempotency_record(id: uuid::Uuid) {
    IdempotencyRecord::find_by_id(id);
}
