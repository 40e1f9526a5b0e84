//! Rows sealed again, one by one, while the tenant works: plain ones, and those that an older key sealed.
//!
//! A row is changed only if its text is still the one that was read, which tells more than its version does: a write that
//! comes in between wins, and seals with the newest key itself. Neither the version nor the time of the last change is touched:
//! to clients nothing has happened.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Func, Order, Query, SelectStatement};
use sea_orm::{QueryResult, StatementBuilder};
use uuid::Uuid;

use super::key::{DataKey, Slot};
use super::{Keyring, stored};
use crate::connection::{Access, Binding, Lease};
use crate::error::{Error, Keys, internal};
use crate::operations::Told;
use crate::place::Place;
use crate::rows::{TENANT, Table, tables};

/// Rows that are read at once: their texts may be as large as a body may be.
const PART: u64 = 16;

/// One marked column of a tenant's, in one place.
struct Column<'a> {
    tenant: Uuid,
    place: &'a Place,
    table: &'a Table,
    name: &'a str,
}

/// A text, as it was read.
struct Found {
    id: Uuid,
    text: String,
}

/// Rows that are not sealed with this version of the tenant's key. With 0, which is no version: all that have a text.
pub(crate) async fn count_others(tenant: Uuid, place: &Place, version: i32) -> Result<u64, Error> {
    sum(tenant, place, &stored::prefix(version)).await
}

/// Rows that are not sealed at all.
pub(crate) async fn plain_rows(tenant: Uuid, place: &Place) -> Result<u64, Error> {
    sum(tenant, place, stored::SEALED).await
}

/// Opens a sealed text of each marked column, where there is one.
pub(crate) async fn open_samples(tenant: Uuid, place: &Place, keys: &Keyring) -> Result<(), Error> {
    for table in &tables() {
        for name in table.sealed() {
            let column = Column { tenant, place, table, name };
            if let Some(row) = column.sample().await? {
                keys.open(column.slot(&row), row.text.clone()).await?;
            }
        }
    }
    Ok(())
}

async fn sum(tenant: Uuid, place: &Place, prefix: &str) -> Result<u64, Error> {
    let mut sum = 0;
    for table in &tables() {
        for name in table.sealed() {
            sum += Column { tenant, place, table, name }.count(prefix).await?;
        }
    }
    Ok(sum)
}

/// Seals every row with this key that is not sealed with it yet, and says how many there were. What does not open stays as it
/// is, and is an error in the end.
pub(super) async fn reseal(
    tenant: Uuid,
    place: &Place,
    keys: &Keyring,
    key: &DataKey,
    told: &mut impl Told,
) -> Result<u64, Error> {
    let mut tally = Tally::default();
    for table in &tables() {
        for name in table.sealed() {
            let column = Column { tenant, place, table, name };
            column.reseal(keys, key, told, &mut tally).await?;
        }
    }
    tally.total()
}

/// What has become of rows.
#[derive(Default)]
struct Tally {
    resealed: u64,
    unopened: u64,
    /// Which of those that did not open was the first.
    first: String,
}

impl Tally {
    fn does_not_open(&mut self, slot: Slot<'_>) {
        self.unopened += 1;
        if self.first.is_empty() {
            self.first = format!("{} of {} {}", slot.column, slot.table, slot.row);
        }
    }

    fn total(self) -> Result<u64, Error> {
        let Self { resealed, unopened, first } = self;
        match unopened {
            0 => Ok(resealed),
            1 => Err(Error::NotPossible(format!("1 sealed text does not open: {first}"))),
            many => Err(Error::NotPossible(format!("{many} sealed texts do not open, {first} among them"))),
        }
    }
}

impl Column<'_> {
    async fn count(&self, prefix: &str) -> Result<u64, Error> {
        let mut select = self.others(prefix);
        select.clear_selects().expr(Func::count(Expr::cust("*")));
        let rows = self.fetch(&select).await?;
        let count: i64 = rows.first().map_or(Ok(0), |row| row.try_get_by_index(0)).map_err(internal)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn found(&self, prefix: &str, after: Option<Uuid>) -> Result<Vec<Found>, Error> {
        let id = Alias::new(&self.table.id);
        let mut select = self.others(prefix);
        select.order_by(id.clone(), Order::Asc).limit(PART);
        after.map(|after| select.and_where(Expr::col(id).gt(after)));
        let rows = self.fetch(&select).await?;
        rows.iter().map(|row| found(row).map_err(internal)).collect()
    }

    /// The newest row that is sealed with whichever key.
    async fn sample(&self) -> Result<Option<Found>, Error> {
        let mut select = self.selecting();
        select.and_where(self.beginning(stored::SEALED).eq(stored::SEALED));
        select.order_by(Alias::new(&self.table.id), Order::Desc).limit(1);
        let rows = self.fetch(&select).await?;
        rows.first().map(|row| found(row).map_err(internal)).transpose()
    }

    /// The rows whose text begins otherwise.
    fn others(&self, prefix: &str) -> SelectStatement {
        let mut select = self.selecting();
        select.and_where(self.beginning(prefix).ne(prefix));
        select
    }

    /// As much of the text as a prefix is long. Not `LIKE`, which on SQLite has no regard to case.
    fn beginning(&self, prefix: &str) -> Expr {
        let length = i32::try_from(prefix.len()).unwrap_or(i32::MAX);
        Expr::expr(Func::cust(Alias::new("substr")).arg(Expr::col(Alias::new(self.name))).arg(1).arg(length))
    }

    fn selecting(&self) -> SelectStatement {
        Query::select()
            .columns([Alias::new(&self.table.id), Alias::new(self.name)])
            .from(self.table.alias())
            .and_where(Expr::col(TENANT).eq(self.tenant))
            .take()
    }

    fn slot(&self, row: &Found) -> Slot<'_> {
        Slot { tenant: self.tenant, table: &self.table.name, column: self.name, row: row.id }
    }

    async fn fetch(&self, select: &SelectStatement) -> Result<Vec<QueryResult>, Error> {
        let mut lease = Lease::begin(self.place, Access::Read, Binding::Tenant(self.tenant)).await?;
        let rows = lease.rows(StatementBuilder::build(select, &lease.backend()), Keys::default()).await?;
        lease.commit().await?;
        Ok(rows)
    }

    /// Seals every row with the key that is not sealed with it.
    async fn reseal(
        &self,
        keys: &Keyring,
        key: &DataKey,
        told: &mut impl Told,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        let (prefix, mut after) = (stored::prefix(key.version), None);
        loop {
            let found = self.found(&prefix, after).await?;
            let Some(last) = found.last() else { return Ok(()) };
            after = Some(last.id);
            for row in &found {
                let text = match keys.open(self.slot(row), row.text.clone()).await {
                    Err(Error::Internal(_)) => {
                        tally.does_not_open(self.slot(row));
                        continue;
                    }
                    opened => opened?,
                };
                if self.replace(row, &key.seal(self.slot(row), &text)).await? {
                    tally.resealed += 1;
                    told.rows(1).await?;
                }
            }
        }
    }

    /// Whether the row still had the text that was read, and has it sealed again now. The write is one of the tenant's: refused
    /// where the tenant has left.
    async fn replace(&self, row: &Found, sealed: &str) -> Result<bool, Error> {
        let column = Alias::new(self.name);
        let update = Query::update()
            .table(self.table.alias())
            .value(column.clone(), sealed)
            .and_where(Expr::col(TENANT).eq(self.tenant))
            .and_where(Expr::col(Alias::new(&self.table.id)).eq(row.id))
            .and_where(Expr::col(column).eq(row.text.as_str()))
            .take();
        let mut lease = Lease::begin(self.place, Access::Write, Binding::Tenant(self.tenant)).await?;
        let changed = lease.affected(StatementBuilder::build(&update, &lease.backend()), Keys::default()).await?;
        lease.commit().await?;
        Ok(changed > 0)
    }
}

fn found(row: &QueryResult) -> Result<Found, sea_orm::DbErr> {
    Ok(Found { id: row.try_get_by_index(0)?, text: row.try_get_by_index(1)? })
}
