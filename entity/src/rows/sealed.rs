//! Sealed texts of rows that are carried. A move takes them as they are: tenant, table and id stay the same. What leaves an
//! installation, or comes in from another, is opened and sealed on the way.

use sea_orm::Value;
use uuid::Uuid;

use super::{Row, Table};
use crate::encryption::{Keyring, Slot};
use crate::error::Error;

impl Table {
    /// Makes the row's stored texts readable.
    pub(crate) async fn open(&self, row: &mut Row, tenant: Uuid, keys: &Keyring) -> Result<(), Error> {
        for (slot, text) in self.sealed_texts(row, tenant) {
            *text = keys.open(slot, std::mem::take(text)).await?;
        }
        Ok(())
    }

    /// Makes the row's texts, which are as they were sent, as this tenant's are stored.
    pub(crate) async fn seal(&self, row: &mut Row, tenant: Uuid, keys: &Keyring) -> Result<(), Error> {
        self.measure(row);
        for (slot, text) in self.sealed_texts(row, tenant) {
            *text = keys.seal(slot, std::mem::take(text)).await?;
        }
        Ok(())
    }

    /// The texts of the row's marked columns, and where they belong as this tenant's.
    pub(crate) fn sealed_texts<'r>(
        &'r self,
        row: &'r mut Row,
        tenant: Uuid,
    ) -> impl Iterator<Item = (Slot<'r>, &'r mut String)> {
        let id = row.id(self).unwrap_or_default();
        self.columns.iter().zip(&mut row.0).filter(|(column, _)| column.is_sealed).filter_map(move |(column, value)| {
            let slot = Slot { tenant, table: &self.name, column: &column.name, row: id };
            match value {
                Value::String(Some(text)) => Some((slot, text)),
                _ => None,
            }
        })
    }
}
