//! Takes apart the types that hold connections, by patterns.
//!
//! Must fail: the fields are private to the data crate.

use entity::{Database, TenantAccess, TenantScoped, Transaction, User};

pub fn database(database: Database) {
    let Database { serving, .. } = database;
}

pub fn access(access: TenantAccess) {
    let TenantAccess { place, .. } = access;
}

pub fn scope(users: TenantScoped<User>) {
    let TenantScoped { session, .. } = users;
}

pub fn transaction(transaction: Transaction) {
    let Transaction { lease, .. } = transaction;
}
