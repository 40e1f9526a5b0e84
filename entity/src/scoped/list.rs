//! Lists: by cursor in the order of ids, or by page in any order.

use sea_orm::sea_query::Order;

use super::read::count_of;
use super::{Reading, TenantScoped, models};
use crate::cache::Question;
use crate::connection::{Access, Standing};
use crate::cursor::Cursor;
use crate::error::Error;
use crate::filter::Filter;
use crate::resource::{Mapped, Resource};

/// Which way a list runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Greatest first.
    Descending,
}

/// Rows from a place in a list on.
#[derive(Clone, Debug)]
pub struct Slice<R> {
    /// The rows, at most as many as asked for.
    pub rows: Vec<R>,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
}

/// A numbered page of a list.
#[derive(Clone, Debug)]
pub struct Page<R> {
    /// The rows, at most as many as asked for.
    pub rows: Vec<R>,
    /// How many rows the whole list has.
    pub total: u64,
}

/// The tenant's rows that match, newest first unless told otherwise.
pub struct List<'s, R: Resource> {
    scope: &'s TenantScoped<R>,
    filter: Filter<R>,
    direction: Direction,
}

/// The tenant's rows that match, in the order of a column; rows that are equal in it come in the order of their ids.
pub struct Sorted<'s, R: Resource> {
    list: List<'s, R>,
    column: R::Column,
    direction: Direction,
}

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<'s, R: Mapped> List<'s, R> {
    pub(super) fn new(scope: &'s TenantScoped<R>, filter: Filter<R>) -> Self {
        Self { scope, filter, direction: Direction::Descending }
    }

    /// Oldest first.
    #[must_use]
    pub fn oldest_first(self) -> Self {
        Self { direction: Direction::Ascending, ..self }
    }

    /// In the order of a column. Such a list has pages but no cursor.
    pub fn order_by(self, column: R::Column, direction: Direction) -> Sorted<'s, R> {
        Sorted { list: self, column, direction }
    }

    /// At most `limit` rows after the cursor. Costs the same however far down the list. Outside of a transaction, the cache may
    /// have the first ones.
    pub async fn slice(self, after: Option<Cursor>, limit: u64) -> Result<Slice<R>, Error> {
        let tenant = self.scope.session.tenant;
        let mut filter = self.filter.clone();
        if let Some(cursor) = after {
            filter = filter.and(self.past(cursor.check(R::TAG, tenant)?));
        }
        // One more than asked for tells whether there is more.
        let reading = Reading::rows(filter, limit.saturating_add(1)).by(R::ID, self.direction)?;
        let mut rows = self.rows(&reading, after.is_none()).await?;
        let more = rows.len() as u64 > limit;
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let rows = self.scope.opened_models(rows).await?;
        let next = rows.last().filter(|_| more).map(|last| Cursor::new(R::TAG, tenant, last.id()));
        Ok(Slice { rows, next })
    }

    /// Page `number` (from 1) of pages of `limit` rows, and the number of rows in all.
    pub async fn page(self, number: u64, limit: u64) -> Result<Page<R>, Error> {
        let reading = Reading::rows(self.filter.clone(), limit).by(R::ID, self.direction)?;
        page(self.scope, self.filter, reading, number, limit).await
    }

    /// The rows as they are stored: what the cache keeps.
    async fn rows(&self, reading: &Reading<R>, are_first: bool) -> Result<Vec<R>, Error> {
        let load = || async { models(&self.scope.fetch(reading).await?) };
        if !are_first {
            return load().await;
        }
        let question = |placed| Ok(Question::rows(placed, &self.scope.reads(reading, &Standing::InTransaction)?));
        self.scope.kept_or(question, load).await
    }

    fn past(&self, cursor: Cursor) -> Filter<R> {
        match self.direction {
            Direction::Ascending => Filter::gt(R::ID, cursor.id()),
            Direction::Descending => Filter::lt(R::ID, cursor.id()),
        }
    }
}

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Mapped> Sorted<'_, R> {
    /// Page `number` (from 1) of pages of `limit` rows, and the number of rows in all.
    pub async fn page(self, number: u64, limit: u64) -> Result<Page<R>, Error> {
        let List { scope, filter, direction } = self.list;
        let reading = Reading::rows(filter.clone(), limit).by(self.column, self.direction)?.by(R::ID, direction)?;
        page(scope, filter, reading, number, limit).await
    }
}

impl From<Direction> for Order {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Ascending => Order::Asc,
            Direction::Descending => Order::Desc,
        }
    }
}

/// The rows and their number in one transaction.
async fn page<R: Mapped>(
    scope: &TenantScoped<R>,
    filter: Filter<R>,
    reading: Reading<R>,
    number: u64,
    limit: u64,
) -> Result<Page<R>, Error> {
    let offset = number.saturating_sub(1).saturating_mul(limit).min(i64::MAX as u64);
    let (counting, reading) = (Reading::count(filter), reading.after(offset));
    let [counting, reading] = [&counting, &reading].map(|reading| scope.reads(reading, &Standing::InTransaction));
    let mut unit = scope.unit(Access::Read).await?;
    let total = count_of(&unit.rows(counting?).await?)?;
    let rows = if offset < total { unit.rows(reading?).await? } else { Vec::new() };
    unit.finish().await?;
    let rows = scope.opened(&rows).await?;
    Ok(Page { rows, total })
}
