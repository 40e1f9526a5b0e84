//! Adds a method to a scope, from where its fields would be at hand.
//!
//! Must fail: a type's own methods are written in its crate.

use entity::{TenantAccess, TenantScoped, User};

impl TenantScoped<User> {
    pub fn everybody(&self) {}
}

impl TenantAccess {
    pub fn of_another_tenant(&self) {}
}
