//! Uses what a handler can hold as a connection, a stream or the beginning of a transaction.
//!
//! Must fail: it is none to SeaORM.

use entity::{Database, TenantAccess, TenantScoped, Transaction, User};
use sea_orm::{ConnectionTrait, StreamTrait, TransactionTrait};

fn connection(_: &impl ConnectionTrait) {}

fn stream(_: &impl StreamTrait) {}

fn beginning(_: &impl TransactionTrait) {}

pub fn of_database(database: &Database) {
    connection(database);
    stream(database);
    beginning(database);
}

pub fn of_access(access: &TenantAccess) {
    connection(access);
    stream(access);
    beginning(access);
}

pub fn of_scope(users: &TenantScoped<User>) {
    connection(users);
    stream(users);
    beginning(users);
}

pub fn of_transaction(transaction: &Transaction) {
    connection(transaction);
    stream(transaction);
    beginning(transaction);
}
