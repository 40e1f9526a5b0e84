//! Rows, put into a place and taken out of it.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SimpleExpr};
use uuid::Uuid;

use super::reading::{among, build, next_size};
use super::table::TENANT;
use super::{Key, Row, Rows, Table, tables};
use crate::connection::Access;
use crate::error::{Error, Keys};
use crate::operations::Told;

/// Keys that are compared at once.
const WINDOW: u64 = 1_000;

/// Rows of the first batch that is carried.
const FIRST: usize = 64;

/// Rows that are deleted at once: a large tenant must not hold the write lock of a file, or locks on rows, for long.
const DELETED: u64 = 2_000;

impl Rows<'_> {
    /// Inserts rows as the tenant's.
    pub(crate) async fn insert(&self, table: &Table, rows: &[Row]) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut insert = Query::insert();
        insert.into_table(table.alias()).columns(std::iter::once(Alias::new(TENANT)).chain(table.columns()));
        for row in rows {
            let values = row.0.iter().map(|value| SimpleExpr::from(Expr::val(value.clone())));
            insert.values_panic(std::iter::once(SimpleExpr::from(Expr::val(self.tenant))).chain(values));
        }
        let mut lease = self.begin(Access::Write).await?;
        let sent = lease.affected(build(&lease, &insert), Keys::default()).await;
        if sent.is_err() {
            lease.roll_back().await;
        }
        sent?;
        lease.commit().await
    }

    /// Deletes the rows with these ids, and what belongs to them.
    async fn delete(&self, table: &Table, ids: &[Uuid]) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let delete = Query::delete()
            .from_table(table.alias())
            .and_where(Expr::col(TENANT).eq(self.tenant))
            .cond_where(among(table, ids))
            .take();
        let mut lease = self.begin(Access::Write).await?;
        lease.affected(build(&lease, &delete), Keys::default()).await?;
        lease.commit().await
    }

    /// Deletes every row of the tenant, those that refer to others first.
    pub(crate) async fn delete_all(&self) -> Result<(), Error> {
        for table in tables().iter().rev() {
            loop {
                let keys = self.keys(table, None, None, Some(DELETED)).await?;
                let ids: Vec<Uuid> = keys.iter().map(|key| key.id).collect();
                self.delete(table, &ids).await?;
                if (ids.len() as u64) < DELETED {
                    break;
                }
            }
        }
        self.drop_tally().await
    }

    /// Makes the table in this place like that in another, and says how many rows were written. Tells of each batch.
    pub(crate) async fn follow(&self, source: &Rows<'_>, table: &Table, told: &mut impl Told) -> Result<u64, Error> {
        let (mut after, mut written) = (None, 0);
        loop {
            let there = source.keys(table, after, None, Some(WINDOW)).await?;
            let is_last = (there.len() as u64) < WINDOW;
            let up_to = there.last().map(|key| key.id).filter(|_| !is_last);
            let here = self.keys(table, after, up_to, None).await?;
            self.delete(table, &lacking(&here, &there)).await?;
            let wanted = lacking(&there, &here);
            written += wanted.len() as u64;
            self.fetch_from(source, table, &wanted, told).await?;
            if is_last {
                return Ok(written);
            }
            after = up_to;
        }
    }

    async fn fetch_from(
        &self,
        source: &Rows<'_>,
        table: &Table,
        ids: &[Uuid],
        told: &mut impl Told,
    ) -> Result<(), Error> {
        let (mut left, mut size) = (ids, FIRST);
        while !left.is_empty() {
            let (batch, rest) = left.split_at(size.min(left.len()));
            let rows = source.with_ids(table, batch).await?;
            self.insert(table, &rows).await?;
            told.rows(rows.len() as u64).await?;
            size = next_size(&rows).and_then(|size| usize::try_from(size).ok()).unwrap_or(size);
            left = rest;
        }
        Ok(())
    }
}

/// The ids of those keys that the others lack, or have otherwise. Both are in the order of ids.
fn lacking(keys: &[Key], others: &[Key]) -> Vec<Uuid> {
    let same = |key: &Key| others.binary_search_by_key(&key.id, |other| other.id).is_ok_and(|at| others[at] == *key);
    keys.iter().filter(|key| !same(key)).map(|key| key.id).collect()
}
