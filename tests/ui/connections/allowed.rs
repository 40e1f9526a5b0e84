//! What a handler may do with application data, a scope and a transaction.

use actix_web::web;
use entity::{Backend, Database, DatabaseSettings, Error, Filter, Post, TenantAccess, TenantScoped, Transaction, User};
use tenantry::auth::Authenticator;
use tenantry::auth::extract::{PlatformCaller, TenantReader};

pub async fn ready(database: web::Data<Database>) -> Result<Backend, Error> {
    database.ping().await?;
    Ok(database.backend())
}

pub fn kept(authenticator: web::Data<Authenticator>) -> web::Data<Authenticator> {
    authenticator
}

pub async fn tenant(caller: TenantReader, platform: PlatformCaller) -> Result<(User, TenantAccess), Error> {
    platform.platform().audit_cursor("")?;
    let users: TenantScoped<User> = caller.access().users();
    let found: Option<User> = users.find(Filter::all()).await?;
    Ok((found.ok_or(Error::Busy)?, caller.access().clone()))
}

pub async fn together(access: TenantAccess) -> Result<Option<Post>, Error> {
    access.transaction(async |transaction: &Transaction| transaction.posts().find(Filter::all()).await).await
}

pub fn shown(settings: &DatabaseSettings) -> String {
    settings.describe()
}
