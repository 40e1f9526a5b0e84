//! Sets a column of one's choice, as SeaORM's builders can.
//!
//! Must fail: scopes take changes only, and hand out no builder.

use entity::{Filter, TenantScoped, User, UserChanges};
use uuid::Uuid;

pub async fn column(users: TenantScoped<User>, other: Uuid) {
    users.update_many(Filter::all(), (entity::UserColumn::TenantId, other)).await;
}

pub async fn builder(users: TenantScoped<User>) {
    users.update_many(Filter::all(), UserChanges::default()).col_expr(entity::UserColumn::TenantId, unreachable!());
}

pub async fn other_changes(users: TenantScoped<User>) {
    users.update_many(Filter::all(), entity::PostChanges::default()).await;
}
