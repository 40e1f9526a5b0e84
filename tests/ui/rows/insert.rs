//! Inserts rows that nobody stamps with a tenant.
//!
//! Must fail: neither a model nor a new row can insert itself; only a scope does, and it stamps the tenant.

use entity::{IdempotencyRecord, NewPost, NewUser, Post, Tenant, User};

pub async fn user(row: User) {
    User::insert(row);
}

pub async fn post(row: Post) {
    Post::insert(row);
}

pub async fn tenant(row: Tenant) {
    Tenant::insert(row);
}

pub async fn idempotency_record(row: IdempotencyRecord) {
    IdempotencyRecord::insert(row);
}

pub async fn new_user(new: NewUser) {
    new.insert();
}

pub async fn new_post(new: NewPost) {
    new.save();
}
