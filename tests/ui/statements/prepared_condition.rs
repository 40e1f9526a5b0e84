//! Hands in a condition or an expression of sea-query's, such as one that closes the tenant's parenthesis.
//!
//! Must fail: they cannot be named without `sea_orm`.

use entity::{Filter, TenantScoped, User, UserColumn};

pub async fn condition(users: TenantScoped<User>) {
    users.find(sea_orm::Condition::any()).await;
}

pub async fn custom_sql(users: TenantScoped<User>) {
    users.find(sea_orm::sea_query::Expr::cust("1=1) OR (1=1")).await;
}

pub async fn value() -> Filter<User> {
    Filter::eq(UserColumn::Name, sea_orm::Value::from("ada"))
}
