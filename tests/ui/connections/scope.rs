//! Takes the session out of a scope, or runs a statement by the scope's own means.
//!
//! Must fail: the field and the methods that send statements are private to the data crate.

use entity::{TenantScoped, User};

pub async fn session(users: TenantScoped<User>) {
    let _ = &users.session;
}

pub async fn unit(users: TenantScoped<User>) {
    users.unit(unreachable!()).await;
}

pub async fn fetch(users: TenantScoped<User>) {
    users.fetch(unreachable!()).await;
}

pub async fn select(users: TenantScoped<User>) {
    users.select(unreachable!());
}
