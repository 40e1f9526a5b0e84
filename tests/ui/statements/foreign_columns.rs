//! Filters or orders one resource by another one's columns or filter.
//!
//! Must fail: a filter belongs to one resource, and takes its columns only.

use entity::{Direction, Filter, Post, PostColumn, TenantScoped, User, UserColumn};

pub fn column() -> Filter<User> {
    Filter::eq(PostColumn::Title, "tea")
}

pub async fn filter(users: TenantScoped<User>) {
    users.find(Filter::<Post>::all()).await;
}

pub fn mixed() -> Filter<User> {
    Filter::eq(UserColumn::Name, "ada").or(Filter::eq(PostColumn::Title, "tea"))
}

pub async fn order(posts: TenantScoped<Post>) {
    posts.list(Filter::all()).order_by(UserColumn::Name, Direction::Ascending).page(1, 20).await;
}
