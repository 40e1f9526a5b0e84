//! Takes the connection out of a running transaction.
//!
//! Must fail: the lease is private, and a transaction runs no statement of the caller's.

use entity::{Error, TenantAccess, Transaction};

pub async fn lease(access: TenantAccess) -> Result<(), Error> {
    access.transaction(async |transaction: &Transaction| Ok(drop(transaction.lease.clone()))).await
}

pub async fn session(transaction: &Transaction) {
    transaction.session();
}

pub async fn execute(transaction: &Transaction) {
    transaction.execute("DELETE FROM posts").await;
}

pub async fn commit(transaction: Transaction) {
    transaction.commit().await;
}
