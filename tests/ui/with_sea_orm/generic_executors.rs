//! Uses what a handler can hold as a connection or the beginning of a transaction.
//!
//! Must fail: it is none to SeaORM.

use entity::{Database, TenantAccess, TenantScoped, Transaction, User};
use sea_orm::{ConnectionTrait, TransactionTrait};

fn connection(_: &impl ConnectionTrait) {}

fn beginning(_: &impl TransactionTrait) {}

pub fn of_database(database: &Database) {
    connection(database);
    beginning(database);
}

pub fn of_access(access: &TenantAccess) {
    connection(access);
    beginning(access);
}

pub fn of_scope(users: &TenantScoped<User>) {
    connection(users);
    beginning(users);
}

pub fn of_transaction(transaction: &Transaction) {
    connection(transaction);
    beginning(transaction);
}
