//! Every operation on the rows of the caller's own tenant.

use entity::{
    AuditRecord, Error, Filter, IdempotencyRecord, NewPost, NewUser, Post, Tenant, TenantAccess, TenantScoped, User,
    UserChanges,
};
use tenantry::auth::extract::{PlatformCaller, TenantWriter};

pub async fn users(caller: TenantWriter, new: NewUser, row: User) -> Result<(), Error> {
    let users: TenantScoped<User> = caller.access().users();
    users.find(Filter::all()).await?;
    users.insert(new).await?;
    users.update(row.id, Filter::all(), UserChanges::default()).await?;
    users.delete(row.id, Filter::all()).await?;
    users.delete_many(Filter::all()).await?;
    Ok(())
}

pub async fn the_rest(access: TenantAccess, new: NewPost) -> Result<Option<IdempotencyRecord>, Error> {
    let posts: TenantScoped<Post> = access.posts();
    posts.insert(new).await?;
    let _own: Option<Tenant> = access.tenants().find(Filter::all()).await?;
    access.idempotency().find(Filter::all()).await
}

pub async fn audit(caller: PlatformCaller) -> Result<Vec<AuditRecord>, Error> {
    Ok(caller.platform().audit_list(Default::default(), None, 20).await?.rows)
}
