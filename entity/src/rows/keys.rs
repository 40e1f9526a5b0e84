//! What tells whether two copies of a row are the same without reading them: id, version and time of the last change.

use chrono::{DateTime, Utc};
use sea_orm::QueryResult;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, Query};
use uuid::Uuid;

use super::reading::build;
use super::table::TENANT;
use super::{Rows, Table};
use crate::connection::Access;
use crate::error::{Error, Keys, internal};

/// One copy of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) id: Uuid,
    version: i64,
    updated_at: DateTime<Utc>,
}

impl Key {
    /// The same bytes for the same key.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let changed = self.updated_at.timestamp_micros().to_be_bytes();
        [self.id.as_bytes().as_slice(), &self.version.to_be_bytes(), &changed].concat()
    }
}

impl Rows<'_> {
    /// The keys after one id, up to another and at most so many, in the order of ids.
    pub(crate) async fn keys(
        &self,
        table: &Table,
        after: Option<Uuid>,
        up_to: Option<Uuid>,
        most: Option<u64>,
    ) -> Result<Vec<Key>, Error> {
        let id = Alias::new(&table.id);
        let mut select = Query::select();
        select
            .columns([&table.id, &table.version, &table.updated_at].map(Alias::new))
            .from(table.alias())
            .and_where(Expr::col(TENANT).eq(self.tenant))
            .order_by(id.clone(), Order::Asc);
        after.map(|after| select.and_where(Expr::col(id.clone()).gt(after)));
        up_to.map(|up_to| select.and_where(Expr::col(id).lte(up_to)));
        most.map(|most| select.limit(most));
        let mut lease = self.begin(Access::Read).await?;
        let rows = lease.rows(build(&lease, &select), Keys::default()).await?;
        lease.commit().await?;
        rows.iter().map(|row| key(row).map_err(internal)).collect()
    }
}

fn key(row: &QueryResult) -> Result<Key, sea_orm::DbErr> {
    Ok(Key { id: row.try_get_by_index(0)?, version: row.try_get_by_index(1)?, updated_at: row.try_get_by_index(2)? })
}
