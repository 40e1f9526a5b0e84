//! Proofs used for as long as they last.

use entity::{Error, Filter, Platform, Post, TenantAccess, TenantScoped, Transaction};
use tenantry::auth::extract::PlatformCaller;

pub async fn within(access: TenantAccess) -> Result<u64, Error> {
    access.transaction(async |transaction: &Transaction| transaction.posts().count(Filter::all()).await).await
}

pub fn lent(caller: &PlatformCaller) -> Platform<'_> {
    caller.platform()
}

pub async fn listed(posts: &TenantScoped<Post>) -> Result<Vec<Post>, Error> {
    Ok(posts.list(Filter::all()).slice(None, 20).await?.rows)
}
