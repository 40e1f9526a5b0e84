//! Updates every tenant's rows, or a row without its tenant.
//!
//! Must fail: bulk updates are a function of the entity, and a model cannot be turned into something that saves itself.

use entity::{IdempotencyRecord, Post, Tenant, User, UserChanges};

pub async fn users() {
    User::update_many();
}

pub async fn posts() {
    Post::update_many();
}

pub async fn tenants() {
    Tenant::update_many();
}

pub async fn idempotency_records() {
    IdempotencyRecord::update_many();
}

pub async fn active_user(row: User) {
    row.into_active_model();
}

pub async fn active_post(row: Post) {
    let active = row.into();
    active.save();
}

pub async fn changes(changes: UserChanges) {
    changes.save();
}
