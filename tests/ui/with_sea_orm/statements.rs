//! Hands a prepared select, update, condition or expression to a scope, which would run it with the tenant's access.
//!
//! Must fail: a scope takes filters and values of the data crate's own only.

use entity::{Filter, TenantScoped, User, UserColumn};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, ModelTrait};

pub async fn select(users: TenantScoped<User>) {
    users.find(<User as ModelTrait>::Entity::find()).await;
}

pub async fn update(users: TenantScoped<User>) {
    users.update_many(Filter::all(), <User as ModelTrait>::Entity::update_many()).await;
}

pub async fn active_model(users: TenantScoped<User>, row: User) {
    users.insert(row.into_active_model()).await;
}

pub async fn condition(users: TenantScoped<User>) {
    users.find(Condition::any()).await;
}

pub async fn expression(users: TenantScoped<User>) {
    users.find(UserColumn::Name.eq("ada")).await;
}

pub fn custom_sql() -> Filter<User> {
    Filter::eq(UserColumn::Name, Expr::cust("name) OR (1 = 1"))
}

pub fn value() -> Filter<User> {
    Filter::eq(UserColumn::Name, sea_orm::Value::from("ada"))
}

pub async fn order(users: TenantScoped<User>) {
    users.list(Filter::all()).order_by(Expr::cust("name"), entity::Direction::Ascending).page(1, 20).await;
}
