//! Writes a whole row, with whatever tenant it carries.
//!
//! Must fail: scopes take new rows and changes, never models.

use entity::{Filter, TenantScoped, User};

pub async fn inserted(users: TenantScoped<User>, row: User) {
    users.insert(row).await;
}

pub async fn all_inserted(users: TenantScoped<User>, rows: Vec<User>) {
    users.insert_many(rows).await;
}

pub async fn upserted(users: TenantScoped<User>, row: User) {
    users.upsert(row).await;
}

pub async fn updated(users: TenantScoped<User>, row: User) {
    users.update(row.id, Filter::all(), row).await;
}

pub async fn updated_by_row(users: TenantScoped<User>, row: User) {
    users.update(row, Filter::all(), Default::default()).await;
}
