//! Writing: inserts are stamped with the tenant, changes and deletions carry its condition.

use sea_orm::sea_query::{
    Alias, Expr, ExprTrait, InsertStatement, IntoIden, LockType, OnConflict, Order, Query, ReturningClause,
    UpdateStatement,
};
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, DbBackend, IdenStatic, QueryResult};
use uuid::Uuid;

use super::TenantScoped;
use crate::connection::Access;
use crate::error::{Error, internal};
use crate::filter::Filter;
use crate::resource::{Mapped, Owned, Stamp, is_among, now};
use crate::session::Unit;
use crate::tally::{CHANGE, Dependents, Tallied};

/// Rows of one `INSERT`: keeps the number of values below what the databases take (32,766 on SQLite).
const ROWS_A_STATEMENT: usize = 1_000;

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Mapped> TenantScoped<R> {
    /// Changes the row with this id if it also matches `also`, and returns it as it is then. Changing nothing reads it.
    pub async fn update(&self, id: Uuid, also: Filter<R>, changes: R::Changes) -> Result<Option<R>, Error> {
        let filter = Filter::eq(R::ID, id).and(also);
        let sizes = R::sizes(&changes);
        let mut changes = R::changed(changes);
        self.seal(id, &mut changes).await?;
        let Some(mut update) = self.updating(filter.clone(), &changes, &sizes)? else {
            return self.find(filter).await;
        };
        update.returning(Self::returned());
        let mut unit = self.writing().await?;
        let rows = unit.rows(self.build(&update)).await?;
        count_changes::<R>(&mut unit, 0, &rows)?;
        unit.finish().await?;
        Ok(self.opened(&rows).await?.pop())
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
        let Some(update) = self.updating(filter, &changes, &sizes)? else { return Ok(0) };
        let mut unit = self.writing().await?;
        let changed = self.run_update(&mut unit, update, !sizes.is_empty()).await?;
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
            if let Some(update) = self.updating(Filter::eq(R::ID, id).and(filter.clone()), &own, sizes)? {
                changed += self.run_update(&mut unit, update, !sizes.is_empty()).await?;
            }
        }
        unit.finish().await?;
        Ok(changed)
    }

    /// `None` when nothing is to be changed: an `UPDATE` with nothing set is not a statement.
    fn updating(
        &self,
        filter: Filter<R>,
        changes: &R::ActiveModel,
        sizes: &[(R::Column, i64)],
    ) -> Result<Option<UpdateStatement>, Error> {
        let set: Vec<_> = Self::columns()
            .filter_map(|column| match changes.get(column) {
                ActiveValue::Set(value) => Some((column, Expr::val(value))),
                _ => None,
            })
            .collect();
        if set.is_empty() {
            return Ok(None);
        }
        let mut update = Query::update();
        update
            .table(R::Entity::default())
            .values(set)
            .value(R::VERSION, Expr::col(R::VERSION).add(1_i64))
            .value(R::UPDATED_AT, now())
            .cond_where(self.within(filter)?);
        if let Some(counted) = R::COUNTED {
            update.value(Alias::new(CHANGE), counted.difference(sizes));
            if !sizes.is_empty() {
                update.value(counted.bytes, counted.after(sizes));
            }
        }
        Ok(Some(update))
    }

    /// Every column, and what the write has changed of the row's bytes.
    fn returned() -> ReturningClause {
        let change = R::COUNTED.map(|_| Alias::new(CHANGE).into_iden());
        Query::returning().columns(Self::columns().map(IntoIden::into_iden).chain(change))
    }

    async fn writing(&self) -> Result<Unit<'_>, Error> {
        self.unit(Access::Write).await
    }
}

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Owned> TenantScoped<R> {
    /// Inserts a row.
    pub async fn insert(&self, new: R::New) -> Result<R, Error> {
        let rows = self.insert_many(vec![new]).await?;
        rows.into_iter().next().ok_or_else(|| Error::Internal("an insert returned no row".to_owned()))
    }

    /// Inserts all rows or none, and returns them in the order given.
    pub async fn insert_many(&self, new: Vec<R::New>) -> Result<Vec<R>, Error> {
        let rows = self.stamped(new).await?;
        let mut inserted: Vec<QueryResult> = Vec::with_capacity(rows.len());
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut unit = self.writing().await?;
        for chunk in rows.chunks(ROWS_A_STATEMENT) {
            let answer = unit.rows(self.build(&self.insertion(chunk))).await?;
            count_changes::<R>(&mut unit, answer.len(), &answer)?;
            inserted.extend(answer);
        }
        unit.finish().await?;
        Ok(in_order(self.opened(&inserted).await?, &rows))
    }

    /// Inserts a row unless its key is taken; `None` when it was.
    pub async fn insert_if_absent(&self, new: R::New) -> Result<Option<R>, Error> {
        let mut insert = self.insertion(&self.stamped(vec![new]).await?);
        insert.on_conflict(OnConflict::columns(R::UPSERT_KEY.iter().copied()).do_nothing().to_owned());
        self.run_insert(&insert).await
    }

    /// Inserts a row, or changes the one that has its key.
    pub async fn upsert(&self, new: R::New) -> Result<R, Error> {
        let mut insert = self.insertion(&self.stamped(vec![new]).await?);
        let replaced = Self::columns().filter(|column| !is_among(*column, R::FIXED));
        let mut conflict = OnConflict::columns(R::UPSERT_KEY.iter().copied());
        conflict.update_columns(replaced).value(R::VERSION, Expr::col((R::Entity::default(), R::VERSION)).add(1_i64));
        if let Some(counted) = R::COUNTED {
            let new = Expr::cust(format!("excluded.{}", counted.bytes.as_str()));
            conflict.value(Alias::new(CHANGE), new.sub(Expr::col((R::Entity::default(), counted.bytes))));
        }
        conflict.action_and_where(R::TENANT.eq(self.session.tenant));
        insert.on_conflict(conflict);
        let row = self.run_insert(&insert).await?;
        row.ok_or_else(|| Error::Internal("an upsert returned no row".to_owned()))
    }

    /// Deletes the row with this id if it also matches `also`; whether it did.
    pub async fn delete(&self, id: Uuid, also: Filter<R>) -> Result<bool, Error> {
        Ok(self.delete_many(Filter::eq(R::ID, id).and(also)).await? > 0)
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
        let mut delete = Query::delete();
        delete.from_table(R::Entity::default()).cond_where(self.within(filter)?);
        let Some(counted) = R::COUNTED else { return unit.affected(self.build(&delete)).await };
        delete.returning(Query::returning().column(counted.bytes));
        let rows = unit.rows(self.build(&delete)).await?;
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

    async fn run_insert(&self, insert: &InsertStatement) -> Result<Option<R>, Error> {
        let mut unit = self.writing().await?;
        let rows = unit.rows(self.build(insert)).await?;
        // An upsert that changed a row has made its version another than the first.
        let is_new = |row: &QueryResult| row.try_get::<i64>("", R::VERSION.as_str()).map(|version| version == 1);
        let new = rows.iter().map(is_new).collect::<Result<Vec<_>, _>>().map_err(internal)?;
        count_changes::<R>(&mut unit, new.into_iter().filter(|is_new| *is_new).count(), &rows)?;
        unit.finish().await?;
        Ok(self.opened(&rows).await?.pop())
    }

    /// The rows as they will be, each with this tenant, and sealed; one that claims another is refused, and with it all.
    async fn stamped(&self, new: Vec<R::New>) -> Result<Vec<R::ActiveModel>, Error> {
        let tenant = self.session.tenant;
        if new.iter().filter_map(R::claimed_tenant).any(|claimed| claimed != tenant) {
            return Err(Error::ForeignTenant);
        }
        let stamp = Stamp::now(tenant);
        let mut rows: Vec<_> = new.into_iter().map(|new| R::new_row(new, &stamp)).collect();
        for row in &mut rows {
            if let Some(id) = id_of::<R>(row) {
                self.seal(id, row).await?;
            }
        }
        Ok(rows)
    }

    /// The tenant's column is written here, whatever the row has in it: no entity can forget to.
    fn insertion(&self, rows: &[R::ActiveModel]) -> InsertStatement {
        let mut insert = Query::insert();
        let change = R::COUNTED.map(|_| Alias::new(CHANGE).into_iden());
        insert.into_table(R::Entity::default()).columns(Self::columns().map(IntoIden::into_iden).chain(change));
        for row in rows {
            let value = |column| {
                if is_among(column, &[R::TENANT]) { self.session.tenant.into() } else { value_of(row, column) }
            };
            // All of a new row's bytes are added.
            let added = R::COUNTED.map(|counted| value_of(row, counted.bytes));
            insert.values_panic(Self::columns().map(value).chain(added).map(Expr::val));
        }
        insert.returning(Self::returned());
        insert
    }
}

/// Counts so many new rows, and what a write has changed of the bytes of those that it returned.
fn count_changes<R: Mapped>(unit: &mut Unit<'_>, new: usize, rows: &[QueryResult]) -> Result<(), Error> {
    let Some(counted) = R::COUNTED else { return Ok(()) };
    unit.count(counted.table, i64::try_from(new).unwrap_or(i64::MAX), sum(rows, CHANGE)?)
}

fn count_deleted(unit: &mut Unit<'_>, table: Tallied, bytes: &str, rows: &[QueryResult]) -> Result<(), Error> {
    unit.count(table, -i64::try_from(rows.len()).unwrap_or(i64::MAX), -sum(rows, bytes)?)
}

fn sum(rows: &[QueryResult], column: &str) -> Result<i64, Error> {
    rows.iter().map(|row| row.try_get::<i64>("", column)).sum::<Result<i64, _>>().map_err(internal)
}

/// Rows that are inserted have every column set.
fn value_of<A: ActiveModelTrait>(row: &A, column: <A::Entity as sea_orm::EntityTrait>::Column) -> sea_orm::Value {
    row.get(column).into_value().unwrap_or(sea_orm::Value::String(None))
}

fn id_of<R: Owned>(row: &R::ActiveModel) -> Option<Uuid> {
    match value_of(row, R::ID) {
        sea_orm::Value::Uuid(id) => id,
        _ => None,
    }
}

fn ids(rows: &[QueryResult]) -> Result<Vec<Uuid>, Error> {
    rows.iter().map(|row| row.try_get_by_index(0).map_err(internal)).collect()
}

/// The databases promise no order for `RETURNING`.
fn in_order<R: Owned>(inserted: Vec<R>, given: &[R::ActiveModel]) -> Vec<R> {
    let mut by_id: std::collections::HashMap<Uuid, R> = inserted.into_iter().map(|row| (row.id(), row)).collect();
    given.iter().filter_map(|row| by_id.remove(&id_of::<R>(row)?)).collect()
}
