//! Gives SQL to the types that hold connections.
//!
//! Must fail: none of them takes any.

use entity::{Database, TenantAccess, Transaction};

pub async fn access(access: &TenantAccess) {
    access.execute("DELETE FROM posts").await;
}

pub async fn transaction(transaction: &Transaction) {
    transaction.run("SET LOCAL app.current_tenant_id = ''").await;
}

pub async fn database(database: &Database) {
    database.run("DELETE FROM posts").await;
}
