//! A new master key: every data key wrapped anew, and no row touched.

use sea_orm::StatementBuilder;
use serde_json::json;

use super::catalog;
use super::key::DataKey;
use super::provider::Ring;
use crate::connection::Lease;
use crate::entities::data_key;
use crate::error::{Error, Keys};
use crate::platform::{AuditEntry, Platform};

impl Platform<'_> {
    /// Wraps every data key with the present master key that another one wraps, and says how many there were. `told` hears, of
    /// each, how many are done of how many. What was done stays done.
    pub async fn keys_rewrap(&self, told: impl Fn(u64, u64)) -> Result<u64, Error> {
        let keys = &self.database().keys;
        let ring = keys.ring()?;
        let old = catalog::not_wrapped_with(keys.catalog(), ring.present.master_key_id()).await?;
        let (mut done, of) = (0, old.len() as u64);
        // Before the first of them: whoever looks for a change of keys must find it, also one that broke off.
        let detail = json!({ "keys": of, "master_key_id": ring.present.master_key_id() });
        self.audit_record(AuditEntry { action: "keys.rewrap", tenant_id: None, detail }).await?;
        for key in &old {
            let mut lease = self.begin().await?;
            rewrap(ring, key, &mut lease).await?;
            lease.commit().await?;
            done += 1;
            told(done, of);
        }
        Ok(done)
    }
}

async fn rewrap(ring: &Ring, key: &data_key::Model, lease: &mut Lease) -> Result<(), Error> {
    let about = DataKey::about(key.tenant_id, key.version);
    let bytes = ring.with_id(&key.master_key_id)?.unwrap(&key.wrapped, &about).await?;
    let wrapped = ring.present.wrap(&bytes, &about).await?;
    let update = catalog::rewrapping(key, wrapped, ring.present.master_key_id());
    lease.affected(StatementBuilder::build(&update, &lease.backend()), Keys::default()).await.map(|_| ())
}
