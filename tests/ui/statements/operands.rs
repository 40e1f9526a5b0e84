//! Compares a column with something that is not a value: another column, a filter, rows of another scope, JSON.
//!
//! Must fail: there are operands for a closed list of plain types only.

use entity::{Filter, Post, TenantScoped, User, UserColumn};

pub fn another_column() -> Filter<User> {
    Filter::eq(UserColumn::Name, UserColumn::Email)
}

pub fn a_filter() -> Filter<User> {
    Filter::eq(UserColumn::Name, Filter::<User>::all())
}

pub fn a_subquery(posts: TenantScoped<Post>) -> Filter<User> {
    Filter::is_in(UserColumn::Id, posts.list(Filter::all()))
}

pub fn json() -> Filter<User> {
    Filter::eq(UserColumn::Name, serde_json::json!({ "$ne": null }))
}

pub fn absent() -> Filter<User> {
    Filter::eq(UserColumn::Name, None::<String>)
}
