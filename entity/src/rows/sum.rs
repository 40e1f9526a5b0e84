//! Checksums: SHA-256 over every row of a table, in the order of ids, the same on whichever database.

use sha2::{Digest, Sha256};

use super::reading::Batches;
use super::{Rows, Table};
use crate::connection::Access;
use crate::entities::operation::TableSum;
use crate::error::Error;

impl Rows<'_> {
    /// Counts and sums up the tenant's rows in the table, as they were at one moment.
    pub(crate) async fn sum(&self, table: &Table) -> Result<TableSum, Error> {
        let mut lease = self.begin(Access::Snapshot).await?;
        let mut batches = Batches::new(self.tenant);
        let (mut hash, mut rows) = (Sha256::new(), 0);
        loop {
            let batch = batches.next(table, &mut lease).await?;
            if batch.is_empty() {
                break;
            }
            rows += batch.len() as u64;
            for row in &batch {
                hash.update(table.to_json(row).to_string());
                hash.update("\n");
            }
        }
        lease.commit().await?;
        Ok(TableSum { table: table.name.clone(), rows, sha256: hex(&hash.finalize()) })
    }
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
