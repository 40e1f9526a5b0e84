//! Checksums: SHA-256 over rows in the order of their ids, some at a time, the same on whichever database.
//!
//! What has been summed up once need not be read again as long as the keys of its rows are the same: so, when it matters how
//! long it takes, only what has changed since is read.

use sea_orm::sea_query::{Alias, Order};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::reading::{among, fetch, selecting};
use super::{Key, Rows, Table};
use crate::connection::Access;
use crate::entities::operation::TableSum;
use crate::error::Error;

/// Rows that are summed up together.
const WINDOW: u64 = 1_000;

/// Rows that are read at once: their texts may be as large as a body may be.
const PART: usize = 50;

type Sum = [u8; 32];

/// The rows of one table, summed up.
pub(crate) struct Summed(Vec<Window>);

/// Rows between two ids.
struct Window {
    rows: u64,
    keys: Sum,
    content: Sum,
}

impl Summed {
    /// One sum over all of it.
    pub(crate) fn total(&self, table: &Table) -> TableSum {
        let mut hash = Sha256::new();
        self.0.iter().for_each(|window| hash.update(window.content));
        let rows = self.0.iter().map(|window| window.rows).sum();
        TableSum { table: table.name.clone(), rows, sha256: hex(&hash.finalize()) }
    }
}

impl Rows<'_> {
    /// Ids between which there are so many rows as are summed up together.
    pub(crate) async fn bounds(&self, table: &Table) -> Result<Vec<Uuid>, Error> {
        let mut bounds: Vec<Uuid> = Vec::new();
        loop {
            let keys = self.keys(table, bounds.last().copied(), None, Some(WINDOW)).await?;
            match keys.last() {
                Some(last) if keys.len() as u64 == WINDOW => bounds.push(last.id),
                _ => return Ok(bounds),
            }
        }
    }

    /// Sums up the tenant's rows in the table. Those whose keys are as they were `before`, between the same bounds, are taken
    /// from there.
    pub(crate) async fn summed(
        &self,
        table: &Table,
        bounds: &[Uuid],
        before: Option<&Summed>,
    ) -> Result<Summed, Error> {
        let mut windows = Vec::with_capacity(bounds.len() + 1);
        let mut after = None;
        for (number, up_to) in bounds.iter().copied().map(Some).chain([None]).enumerate() {
            let keys = self.keys(table, after, up_to, None).await?;
            let known = before.and_then(|before| before.0.get(number));
            let (sum, rows) = (sum_of(&keys), keys.len() as u64);
            let content = match known.filter(|known| known.keys == sum) {
                Some(known) => known.content,
                None => self.content(table, &keys).await?,
            };
            windows.push(Window { rows, keys: sum, content });
            after = up_to;
        }
        Ok(Summed(windows))
    }

    /// Sums up the rows with these keys.
    async fn content(&self, table: &Table, keys: &[Key]) -> Result<Sum, Error> {
        let mut hash = Sha256::new();
        let mut lease = self.begin(Access::Read).await?;
        // Rows can be large: a part of a window at a time.
        for part in keys.chunks(PART) {
            let mut select = selecting(table, self.tenant);
            let ids: Vec<Uuid> = part.iter().map(|key| key.id).collect();
            select.cond_where(among(table, &ids)).order_by(Alias::new(&table.id), Order::Asc);
            for row in fetch(&mut lease, table, &select).await? {
                hash.update(table.to_json(&row).to_string());
                hash.update("\n");
            }
        }
        lease.commit().await?;
        Ok(hash.finalize().into())
    }
}

fn sum_of(keys: &[Key]) -> Sum {
    let mut hash = Sha256::new();
    for key in keys {
        hash.update(key.bytes());
    }
    hash.finalize().into()
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
