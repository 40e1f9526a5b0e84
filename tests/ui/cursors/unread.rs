//! Goes on from a place in a list that no scope has read.
//!
//! Must fail: a list takes a cursor, not a text or an id.

use entity::{Filter, Post, TenantScoped};
use uuid::Uuid;

pub async fn text(posts: TenantScoped<Post>) {
    posts.list(Filter::all()).slice(Some("AXAB"), 20).await;
}

pub async fn id(posts: TenantScoped<Post>, id: Uuid) {
    posts.list(Filter::all()).slice(Some(id), 20).await;
}
