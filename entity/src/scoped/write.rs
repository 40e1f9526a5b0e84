//! Changing and deleting: every statement carries the tenant's condition.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, IntoIden, LockType, Order, Query, ReturningClause, UpdateStatement};
use sea_orm::{DbBackend, EntityName, IdenStatic, QueryResult};
use uuid::Uuid;

use super::TenantScoped;
use super::change::Change;
use crate::cache::going_with;
use crate::connection::{Access, Standing};
use crate::error::{Error, internal};
use crate::filter::Filter;
use crate::resource::{Mapped, Owned};
use crate::session::{Changing, Unit};
use crate::tally::{Added, CHANGE, Dependents, Tallied};

/// Rows of one `INSERT`: keeps the number of values below what the databases take (32,766 on SQLite).
pub(super) const ROWS_A_STATEMENT: usize = 1_000;

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Mapped> TenantScoped<R> {
    /// Changes the row with this id if it also matches `also`, and returns it as it is then. Changing nothing reads it.
    pub async fn update(&self, id: Uuid, also: Filter<R>, changes: R::Changes) -> Result<Option<R>, Error> {
        let filter = Filter::eq(R::ID, id).and(also);
        let sizes = R::sizes(&changes);
        let mut changes = R::changed(changes);
        self.seal(id, &mut changes).await?;
        let Some(change) = Change::<R>::of(&changes, &sizes) else { return self.find(filter).await };
        let statement = |standing| self.updates(&change, &filter, &standing);
        let mut unit = if self.is_for_transaction(&change) {
            self.writing().await?
        } else {
            match self.session.change_or_unit(Self::KEYS, change.counts(), statement).await? {
                Changing::Changed(rows) => return Ok(self.opened(&rows).await?.pop()),
                Changing::Unit(unit) => unit,
            }
        };
        let rows = unit.rows(statement(Standing::InTransaction)?).await?;
        if rows.is_empty() {
            unit.finish_unchanged().await;
            return Ok(None);
        }
        count_changes::<R>(&mut unit, 0, &rows)?;
        match self.opened(&rows).await {
            Ok(mut changed) => {
                unit.finish().await?;
                Ok(changed.pop())
            }
            Err(error) => {
                unit.undo().await;
                Err(error)
            }
        }
    }

    /// Whether a change may turn out to be impossible when it is made, or is to count last. Where texts are sealed, they have to be
    /// opened before the change lasts: that can fail, and a change that is answered with an error must not be made.
    fn is_for_transaction(&self, change: &Change<R>) -> bool {
        change.refers() || (self.session.keys.is_on() && !R::SEALED.is_empty())
    }

    /// Changes every row that matches and returns how many there were. Changing nothing touches none.
    ///
    /// One statement; but where a sealed text is set, one for each row, because each row's is another. Still all or none.
    pub async fn update_many(&self, filter: Filter<R>, changes: R::Changes) -> Result<u64, Error> {
        let sizes = R::sizes(&changes);
        let mut changes = R::changed(changes);
        if self.differs_by_row(&changes) {
            return self.update_each(filter, &changes, &sizes).await;
        }
        self.seal(Uuid::nil(), &mut changes).await?;
        let Some(change) = Change::<R>::of(&changes, &sizes) else { return Ok(0) };
        let mut update = change.update();
        update.cond_where(self.within(filter)?);
        let mut unit = self.writing().await?;
        let changed = self.run_update(&mut unit, update, change.counts()).await?;
        unit.finish().await?;
        Ok(changed)
    }

    /// Runs an update and says how many rows it changed. `counts` if it may have changed how many bytes they have.
    async fn run_update(&self, unit: &mut Unit<'_>, mut update: UpdateStatement, counts: bool) -> Result<u64, Error> {
        if !counts {
            return unit.affected(self.build(&update)).await;
        }
        update.returning(Query::returning().column(Alias::new(CHANGE)));
        let rows = unit.rows(self.build(&update)).await?;
        count_changes::<R>(unit, 0, &rows)?;
        Ok(rows.len() as u64)
    }

    /// Changes the rows that match one by one, in the order of their ids. As with one statement, a row that somebody changes
    /// meanwhile is judged by what it is then.
    async fn update_each(
        &self,
        filter: Filter<R>,
        changes: &R::ActiveModel,
        sizes: &[(R::Column, i64)],
    ) -> Result<u64, Error> {
        // Before a connection is held: the key may have to be made.
        self.session.keys.sealing(self.session.tenant).await?;
        let mut select = self.select(filter.clone())?;
        select.clear_selects().column((R::Entity::default(), R::ID));
        select.order_by((R::Entity::default(), R::ID), Order::Asc);
        let (mut unit, mut changed) = (self.writing().await?, 0);
        for id in ids(&unit.rows(self.build(&select)).await?)? {
            let mut own = changes.clone();
            self.seal(id, &mut own).await?;
            if let Some(change) = Change::<R>::of(&own, sizes) {
                let mut update = change.update();
                update.cond_where(self.within(Filter::eq(R::ID, id).and(filter.clone()))?);
                changed += self.run_update(&mut unit, update, change.counts()).await?;
            }
        }
        unit.finish().await?;
        Ok(changed)
    }

    /// Every column, and what the write has changed of the row's bytes.
    pub(super) fn returned() -> ReturningClause {
        let change = R::COUNTED.map(|_| Alias::new(CHANGE).into_iden());
        Query::returning().columns(Self::columns().map(IntoIden::into_iden).chain(change))
    }

    pub(super) async fn writing(&self) -> Result<Unit<'_>, Error> {
        self.unit(Access::Write).await
    }
}

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Owned> TenantScoped<R> {
    /// Deletes the row with this id if it also matches `also`; whether it did.
    pub async fn delete(&self, id: Uuid, also: Filter<R>) -> Result<bool, Error> {
        let filter = Filter::eq(R::ID, id).and(also);
        // Rows that go with it are locked when all else is done, see `Change::refers`.
        if !going_with(R::Entity::default().table_name()).is_empty() {
            return Ok(self.delete_many(filter).await? > 0);
        }
        let statement = |standing| self.deletes(&filter, &standing);
        let mut unit = match self.session.change_or_unit(Self::KEYS, false, statement).await? {
            Changing::Changed(_) => return Ok(true),
            Changing::Unit(unit) => unit,
        };
        if self.delete_in(&mut unit, filter).await? == 0 {
            unit.finish_unchanged().await;
            return Ok(false);
        }
        unit.finish().await?;
        Ok(true)
    }

    /// Deletes every row that matches and returns how many there were.
    pub async fn delete_many(&self, filter: Filter<R>) -> Result<u64, Error> {
        let mut unit = self.writing().await?;
        let deleted = match R::DEPENDENTS {
            Some(dependents) => self.delete_with(&mut unit, filter, &dependents).await?,
            None => self.delete_in(&mut unit, filter).await?,
        };
        unit.finish().await?;
        Ok(deleted)
    }

    async fn delete_in(&self, unit: &mut Unit<'_>, filter: Filter<R>) -> Result<u64, Error> {
        let delete = self.deletes(&filter, &Standing::InTransaction)?;
        let Some(counted) = R::COUNTED else { return unit.affected(delete).await };
        let rows = unit.rows(delete).await?;
        count_deleted(unit, counted.table, counted.bytes.as_str(), &rows)?;
        Ok(rows.len() as u64)
    }

    /// Deletes what belongs to the rows before them, because what a foreign key deletes is not told. Once the rows are
    /// locked, nothing more can come to belong to them.
    async fn delete_with(&self, unit: &mut Unit<'_>, filter: Filter<R>, dependents: &Dependents) -> Result<u64, Error> {
        let mut lock = self.select(filter)?;
        lock.clear_selects().column((R::Entity::default(), R::ID));
        // In one order: two who delete the same rows must not wait for each other.
        lock.order_by((R::Entity::default(), R::ID), Order::Asc);
        // SQLite has one writer at a time anyway.
        if self.session.backend == DbBackend::Postgres {
            lock.lock(LockType::Update);
        }
        let rows = unit.rows(self.build(&lock)).await?;
        let ids = ids(&rows)?;
        let mut deleted = 0;
        for chunk in ids.chunks(ROWS_A_STATEMENT) {
            let mut theirs = Query::delete();
            theirs
                .from_table(Alias::new(dependents.table.table()))
                .and_where(Expr::col(Alias::new(dependents.column)).is_in(chunk.iter().copied()))
                .and_where(Expr::col(R::TENANT).eq(self.session.tenant))
                .returning(Query::returning().column(Alias::new("bytes")));
            let rows = unit.rows(self.build(&theirs)).await?;
            count_deleted(unit, dependents.table, "bytes", &rows)?;
            deleted += self.delete_in(unit, Filter::is_in(R::ID, chunk.iter().copied())).await?;
        }
        Ok(deleted)
    }
}

/// Counts so many new rows, and what a write has changed of the bytes of those that it returned.
pub(super) fn count_changes<R: Mapped>(unit: &mut Unit<'_>, new: usize, returned: &[QueryResult]) -> Result<(), Error> {
    let Some(counted) = R::COUNTED else { return Ok(()) };
    let (table, rows) = (counted.table, i64::try_from(new).unwrap_or(i64::MAX));
    unit.count(Added { table, rows, bytes: sum(returned, CHANGE)? })
}

fn count_deleted(unit: &mut Unit<'_>, table: Tallied, bytes: &str, rows: &[QueryResult]) -> Result<(), Error> {
    let (gone, bytes) = (i64::try_from(rows.len()).unwrap_or(i64::MAX), sum(rows, bytes)?);
    unit.count(Added { table, rows: -gone, bytes: -bytes })
}

fn sum(rows: &[QueryResult], column: &str) -> Result<i64, Error> {
    rows.iter().map(|row| row.try_get::<i64>("", column)).sum::<Result<i64, _>>().map_err(internal)
}

fn ids(rows: &[QueryResult]) -> Result<Vec<Uuid>, Error> {
    rows.iter().map(|row| row.try_get_by_index(0).map_err(internal)).collect()
}
