//! Looks for a connection behind a dereference.
//!
//! Must fail: none of the types that hold one, however deep, dereferences to anything.

use entity::{Database, TenantAccess, TenantScoped, Transaction, User};

pub fn database(database: &Database) {
    let _ = &**database;
}

pub fn access(access: &TenantAccess) {
    let _ = &**access;
}

pub fn scope(users: &TenantScoped<User>) {
    let _ = &**users;
}

pub fn transaction(transaction: &Transaction) {
    let _ = &**transaction;
}
