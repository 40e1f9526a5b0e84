//! What the lines of an export hold, made into what this installation stores.

use std::collections::BTreeMap;

use sea_orm::EntityName;
use uuid::Uuid;

use super::line::Head;
use crate::database::Database;
use crate::encryption::{DataKey, Keyring, Stored};
use crate::entities::idempotency;
use crate::error::Error;
use crate::rows::{Row, Table};
use crate::vocabulary::Contents;

/// Whose the rows were, and what their sealed texts open with.
pub(super) struct Origin {
    tenant: Uuid,
    contents: Contents,
    keys: BTreeMap<i32, DataKey>,
}

impl Origin {
    /// Fails with a reason if sealed contents could not be opened here, or otherwise if it cannot be told for now.
    pub(super) async fn new(database: &Database, head: &Head) -> Result<Self, OriginError> {
        let mut keys = BTreeMap::new();
        for key in &head.data_keys {
            let opened = database.keys.unwrap_of(head.tenant.id, key.version, &key.wrapped, &key.master_key_id).await;
            keys.insert(key.version, opened.map_err(OriginError::of)?);
        }
        Ok(Self { tenant: head.tenant.id, contents: head.contents, keys })
    }

    /// Makes a row as it was written into one of the tenant's as it is stored here. A sealed text is sealed anew: it is bound
    /// to the tenant that it was written of.
    pub(super) async fn take(
        &self,
        table: &Table,
        row: &mut Row,
        tenant: Uuid,
        keys: &Keyring,
    ) -> Result<(), TakeError> {
        if self.contents == Contents::Sealed {
            for (slot, text) in table.sealed_texts(row, self.tenant) {
                let opened = match Stored::read(text) {
                    Stored::Plain(text) => Some(text.to_owned()),
                    Stored::Sealed { version, body } => {
                        self.keys.get(&version).and_then(|key| key.open(slot, body).ok())
                    }
                    Stored::Damaged => None,
                };
                *text = opened.ok_or_else(|| TakeError::Unopenable(slot.column.to_owned()))?;
            }
        }
        // An answer that is kept to be given again names its tenant: a copy's clients must not read of another one.
        if tenant != self.tenant && table.name == idempotency::Entity.table_name() {
            row.replace(&self.tenant.to_string(), &tenant.to_string());
        }
        table.seal(row, tenant, keys).await.map_err(TakeError::Other)
    }
}

/// Why nothing of it can be taken.
pub(super) enum OriginError {
    /// What is wrong with it.
    Unopenable(String),
    /// The master key cannot be had for now.
    Other(Error),
}

impl OriginError {
    fn of(error: Error) -> Self {
        match error {
            Error::Unavailable(_) => Self::Other(error),
            error => Self::Unopenable(format!("tells of contents that cannot be opened here: {error}")),
        }
    }
}

/// Why a row cannot be taken.
pub(super) enum TakeError {
    /// The text in this column does not open.
    Unopenable(String),
    Other(Error),
}
