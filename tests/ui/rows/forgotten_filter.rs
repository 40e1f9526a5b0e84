//! Forgets to say which rows.
//!
//! Must fail: a filter is not optional, so "all rows of the tenant" has to be spelled `Filter::all()`.

use entity::{Post, TenantScoped, UserChanges};
use tenantry::auth::extract::TenantWriter;

pub async fn delete(posts: TenantScoped<Post>) {
    posts.delete_many().await;
}

pub async fn update(caller: TenantWriter) {
    caller.access().users().update_many(UserChanges::default()).await;
}

pub async fn list(posts: TenantScoped<Post>) {
    posts.list();
}
