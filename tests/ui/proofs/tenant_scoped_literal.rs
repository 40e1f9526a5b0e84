//! Writes a scope down field by field.
//!
//! Must fail: its fields are private to the data crate.

use entity::{TenantScoped, User};

pub fn literal() -> TenantScoped<User> {
    TenantScoped { session: unreachable!(), resource: std::marker::PhantomData }
}
