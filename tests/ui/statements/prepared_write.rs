//! Hands in a prepared insert, update or delete.
//!
//! Must fail: they cannot be named without `sea_orm`.

use entity::{Filter, TenantScoped, User};

pub async fn insert(users: TenantScoped<User>) {
    users.insert(sea_orm::Insert::one(unreachable!())).await;
}

pub async fn update(users: TenantScoped<User>) {
    users.update_many(Filter::all(), sea_orm::Update::many(unreachable!())).await;
}

pub async fn active_model(users: TenantScoped<User>) {
    users.insert(sea_orm::ActiveValue::Set(1)).await;
}

pub async fn delete(users: TenantScoped<User>) {
    users.delete_many(sea_orm::sea_query::Query::delete()).await;
}
