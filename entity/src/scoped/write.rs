//! Writing: inserts are stamped with the tenant, changes and deletions carry its condition.

use sea_orm::sea_query::{
    DeleteStatement, Expr, ExprTrait, InsertStatement, OnConflict, Order, Query, UpdateStatement,
};
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, QueryResult};
use uuid::Uuid;

use super::TenantScoped;
use crate::connection::Access;
use crate::error::{Error, internal};
use crate::filter::Filter;
use crate::resource::{Mapped, Owned, Stamp, is_among, now};
use crate::session::Unit;

/// Rows of one `INSERT`: keeps the number of values below what the databases take (32,766 on SQLite).
const ROWS_A_STATEMENT: usize = 1_000;

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Mapped> TenantScoped<R> {
    /// Changes the row with this id if it also matches `also`, and returns it as it is then. Changing nothing reads it.
    pub async fn update(&self, id: Uuid, also: Filter<R>, changes: R::Changes) -> Result<Option<R>, Error> {
        let filter = Filter::eq(R::ID, id).and(also);
        let mut changes = R::changed(changes);
        self.seal(id, &mut changes).await?;
        let Some(mut update) = self.updating(filter.clone(), &changes)? else {
            return self.find(filter).await;
        };
        update.returning(Query::returning().columns(Self::columns()));
        let mut unit = self.writing().await?;
        let rows = unit.rows(self.build(&update)).await?;
        unit.finish().await?;
        Ok(self.opened(&rows).await?.pop())
    }

    /// Changes every row that matches and returns how many there were. Changing nothing touches none.
    ///
    /// One statement; but where a sealed text is set, one for each row, because each row's is another. Still all or none.
    pub async fn update_many(&self, filter: Filter<R>, changes: R::Changes) -> Result<u64, Error> {
        let mut changes = R::changed(changes);
        if self.differs_by_row(&changes) {
            return self.update_each(filter, &changes).await;
        }
        self.seal(Uuid::nil(), &mut changes).await?;
        let Some(update) = self.updating(filter, &changes)? else { return Ok(0) };
        let mut unit = self.writing().await?;
        let changed = unit.affected(self.build(&update)).await?;
        unit.finish().await?;
        Ok(changed)
    }

    /// Changes the rows that match one by one, in the order of their ids. As with one statement, a row that somebody changes
    /// meanwhile is judged by what it is then.
    async fn update_each(&self, filter: Filter<R>, changes: &R::ActiveModel) -> Result<u64, Error> {
        // Before a connection is held: the key may have to be made.
        self.session.keys.sealing(self.session.tenant).await?;
        let mut select = self.select(filter.clone())?;
        select.clear_selects().column((R::Entity::default(), R::ID));
        select.order_by((R::Entity::default(), R::ID), Order::Asc);
        let (mut unit, mut changed) = (self.writing().await?, 0);
        for id in ids(&unit.rows(self.build(&select)).await?)? {
            let mut own = changes.clone();
            self.seal(id, &mut own).await?;
            if let Some(update) = self.updating(Filter::eq(R::ID, id).and(filter.clone()), &own)? {
                changed += unit.affected(self.build(&update)).await?;
            }
        }
        unit.finish().await?;
        Ok(changed)
    }

    /// `None` when nothing is to be changed: an `UPDATE` with nothing set is not a statement.
    fn updating(&self, filter: Filter<R>, changes: &R::ActiveModel) -> Result<Option<UpdateStatement>, Error> {
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
        Ok(Some(update))
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
            inserted.extend(unit.rows(self.build(&self.insertion(chunk))).await?);
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
        conflict
            .update_columns(replaced)
            .value(R::VERSION, Expr::col((R::Entity::default(), R::VERSION)).add(1_i64))
            .action_and_where(R::TENANT.eq(self.session.tenant));
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
        let delete: DeleteStatement =
            Query::delete().from_table(R::Entity::default()).cond_where(self.within(filter)?).take();
        let mut unit = self.writing().await?;
        let deleted = unit.affected(self.build(&delete)).await?;
        unit.finish().await?;
        Ok(deleted)
    }

    async fn run_insert(&self, insert: &InsertStatement) -> Result<Option<R>, Error> {
        let mut unit = self.writing().await?;
        let rows = unit.rows(self.build(insert)).await?;
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
        insert.into_table(R::Entity::default()).columns(Self::columns());
        for row in rows {
            let value = |column| {
                if is_among(column, &[R::TENANT]) { self.session.tenant.into() } else { value_of(row, column) }
            };
            insert.values_panic(Self::columns().map(|column| Expr::val(value(column))));
        }
        insert.returning(Query::returning().columns(Self::columns()));
        insert
    }
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
