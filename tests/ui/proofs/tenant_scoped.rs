//! Makes a scope of nothing.
//!
//! Must fail: its constructor and its field are private to the data crate, and it has no default.

use entity::{TenantScoped, User};
use uuid::Uuid;

pub fn new() -> TenantScoped<User> {
    TenantScoped::new(unreachable!())
}

pub fn default() -> TenantScoped<User> {
    Default::default()
}

pub fn from_id(tenant: Uuid) -> TenantScoped<User> {
    TenantScoped::from(tenant)
}

pub fn of_id(tenant: Uuid) -> TenantScoped<User> {
    TenantScoped::for_tenant(tenant)
}

pub fn copied(users: &TenantScoped<User>) -> TenantScoped<User> {
    users.clone()
}
