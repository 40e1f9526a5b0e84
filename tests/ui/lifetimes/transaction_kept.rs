//! Keeps a transaction beyond its end.
//!
//! Must fail: it is lent for the time of the closure only.

use entity::{Error, TenantAccess, Transaction};

pub async fn stored(access: TenantAccess) -> Result<(), Error> {
    let mut kept = None;
    access
        .transaction(async |transaction: &Transaction| {
            kept = Some(transaction);
            Ok(())
        })
        .await
}

pub async fn returned(access: TenantAccess) {
    let kept: Result<&Transaction, Error> = access.transaction(async |transaction| Ok(transaction)).await;
}
