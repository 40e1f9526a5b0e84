//! Takes the statements that a scope builds, to change them before they are sent.
//!
//! Must fail: what builds them is private to the data crate.

use entity::{Filter, TenantScoped, User, UserChanges};

pub fn select(users: TenantScoped<User>) {
    users.select(Filter::all());
}

pub fn updates(users: TenantScoped<User>) {
    users.updates(UserChanges::default(), Filter::all(), 0);
}

pub fn deletes(users: TenantScoped<User>) {
    users.deletes(Filter::all(), 0);
}

pub fn insertion(users: TenantScoped<User>) {
    users.insertion(&[]);
}

pub fn tenant_condition(users: TenantScoped<User>) {
    users.tenant();
}
