//! Hands in a prepared select, to have it run with a tenant's access.
//!
//! Must fail: a select cannot be named without `sea_orm`.

use entity::{TenantScoped, User};

pub async fn of_entity(users: TenantScoped<User>) {
    let select: sea_orm::Select<sea_orm::EntityTrait> = unreachable!();
    users.find(select).await;
}

pub async fn of_query(users: TenantScoped<User>) {
    users.find(sea_orm::sea_query::Query::select()).await;
}

pub async fn of_sea_query(users: TenantScoped<User>) {
    users.find(sea_query::SelectStatement::new()).await;
}
