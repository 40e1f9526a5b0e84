//! Values to insert and change; a new row may say which tenant it believes to be in, and is refused if it is wrong.

use entity::{
    Error, Filter, IdempotencyChanges, NewUser, OwnTenantChanges, Post, PostChanges, Role, TenantAccess, TenantChanges,
    TenantScoped, User, UserChanges,
};
use uuid::Uuid;

pub async fn made(users: TenantScoped<User>, claimed: Uuid) -> Result<User, Error> {
    let (name, email) = ("Ada".to_owned(), "ada@example.com".to_owned());
    users
        .insert(NewUser { tenant_id: Some(claimed), id: None, name, email, role: Role::Viewer, created_at: None })
        .await
}

pub async fn changed(users: TenantScoped<User>, posts: TenantScoped<Post>, id: Uuid) -> Result<(), Error> {
    let changes = UserChanges { name: Some("Ada".to_owned()), ..UserChanges::default() };
    users.update(id, Filter::all(), changes).await?;
    posts.update(id, Filter::all(), PostChanges { content: Some(None), ..PostChanges::default() }).await?;
    Ok(())
}

pub async fn own(access: TenantAccess) -> Result<u64, Error> {
    let renamed = OwnTenantChanges { name: Some("Acme".to_owned()) };
    access.idempotency().update_many(Filter::all(), IdempotencyChanges::default()).await?;
    access.tenants().update_many(Filter::all(), renamed).await
}

pub fn of_the_platform() -> TenantChanges {
    TenantChanges::default()
}
