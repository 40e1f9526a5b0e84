//! Whether the master key is the one that the data keys are wrapped with: asked before anything is served.

use super::key::DataKey;
use super::{Keyring, catalog};
use crate::entities::data_key;
use crate::error::Error;

/// What stands in the way of serving, if anything does: a line that names the variable.
pub(crate) async fn doubt(keys: &Keyring) -> Result<Option<String>, Error> {
    let mut doubts = check(keys).await?.into_iter();
    Ok(doubts.next())
}

/// What is wrong with each master key that wraps data keys.
pub(crate) async fn check(keys: &Keyring) -> Result<Vec<String>, Error> {
    let mut wrong = Vec::new();
    for (sample, tenants) in catalog::wrapped_with_each(keys.catalog()).await? {
        wrong.extend(why_not(keys, &sample, tenants).await?);
    }
    Ok(wrong)
}

async fn why_not(keys: &Keyring, sample: &data_key::Model, tenants: i64) -> Result<Option<String>, Error> {
    let whose = if tenants == 1 { "1 tenant".to_owned() } else { format!("{tenants} tenants") };
    let id = &sample.master_key_id;
    let Ok(ring) = keys.ring() else {
        return Ok(Some(format!(
            "ENCRYPTION_MASTER_KEY is not set, and what {whose} wrote is sealed with keys that the master key {id} wraps"
        )));
    };
    let about = DataKey::about(sample.tenant_id, sample.version);
    let unwrapped = match ring.with_id(id) {
        Ok(provider) => provider.unwrap(&sample.wrapped, &about).await,
        Err(error) => Err(error),
    };
    let variable = ring.variable;
    Ok(unwrapped.err().map(|error| {
        format!(
            "{variable} is not the master key that wraps the keys of {whose} ({error}): set it to that one, or give that one in ENCRYPTION_PREVIOUS_MASTER_KEYS"
        )
    }))
}
