//! Every tenant's keys: do they unwrap, does what they sealed open, and is anything stored that is not sealed?

use super::{Check, tenants, told};
use crate::database::Database;
use crate::encryption;
use crate::entities::tenant;
use crate::error::Error;
use crate::vocabulary::TenantStatus;

pub(super) async fn examine(database: &Database) -> Result<Vec<Check>, Error> {
    let mut wrong = encryption::check(&database.keys).await?;
    if !database.keys.is_on() {
        return Ok(vec![Check::new(
            "data keys",
            wrong,
            "contents are not encrypted: ENCRYPTION_MASTER_KEY is not set",
        )]);
    }
    let mut plain = Vec::new();
    for tenant in tenants(database).await?.iter().filter(|tenant| tenant.status != TenantStatus::Provisioning) {
        match look(database, tenant).await {
            Ok(0) => {}
            Ok(rows) => plain.push(format!("{} has {rows}", tenant.slug)),
            // What is wrong with its place is another check's to tell.
            Err(Error::NoPlace(_) | Error::Unavailable(_)) => {}
            Err(error) => wrong.push(format!("{}: {error}", tenant.slug)),
        }
    }
    let fine = "every tenant's keys unwrap, and a row that they sealed opens";
    Ok(vec![Check::new("data keys", told(wrong), fine), Check::new("plain contents", Vec::new(), &warning(plain))])
}

/// How many rows are not sealed, where everything else is as it should be.
async fn look(database: &Database, tenant: &tenant::Model) -> Result<u64, Error> {
    for key in database.keys.wrapped(tenant.id).await? {
        database.keys.unwrap_of(tenant.id, key.version, &key.wrapped, &key.master_key_id).await?;
    }
    let place = database.place_of(tenant)?;
    encryption::open_samples(tenant.id, &place, &database.keys).await?;
    encryption::plain_rows(tenant.id, &place).await
}

/// Plain rows are no fault: somebody has yet to have them sealed.
fn warning(plain: Vec<String>) -> String {
    if plain.is_empty() {
        return "no row is stored that is not sealed".to_owned();
    }
    format!("warning: rows are stored that are not sealed (run `tenantry keys encrypt`): {}", told(plain).join(", "))
}
