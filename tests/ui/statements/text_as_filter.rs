//! Gives a filter, a column or an order as SQL text.
//!
//! Must fail: a filter is made of columns and values only, and a column is one of an enum.

use entity::{Direction, Filter, TenantScoped, User};

pub async fn filter(users: TenantScoped<User>) {
    users.find("1 = 1) OR (1 = 1").await;
}

pub fn column() -> Filter<User> {
    Filter::eq("name = name OR name", "ada")
}

pub async fn order(users: TenantScoped<User>) {
    users.list(Filter::all()).order_by("name; DELETE FROM posts", Direction::Ascending).page(1, 20).await;
}

pub fn custom() -> Filter<User> {
    Filter::custom("1 = 1")
}

pub fn raw() -> Filter<User> {
    Filter::raw("1 = 1")
}
