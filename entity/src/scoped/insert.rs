//! Inserting: every row is stamped with the tenant.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, InsertStatement, IntoIden, OnConflict, Query};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IdenStatic, QueryResult, Statement, Value};

use super::TenantScoped;
use super::texts::{self, SCHEMA, Shape};
use super::write::{ROWS_A_STATEMENT, count_changes};
use crate::connection::Standing;
use crate::error::{Error, internal};
use crate::resource::{Owned, Stamp, is_among};
use crate::tally::{Added, CHANGE, any_slot_of_inserts};

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Owned> TenantScoped<R> {
    /// Inserts a row.
    pub async fn insert(&self, new: R::New) -> Result<R, Error> {
        if R::given_id(&new).is_some() {
            let rows = self.insert_many(vec![new]).await?;
            return rows.into_iter().next().ok_or_else(|| Error::Internal("no row was inserted".to_owned()));
        }
        let row = self.stamped(new, &Stamp::now(self.session.tenant))?;
        let inserted = model::<R>(&row)?;
        let row = self.sealed(row).await?;
        let added = added::<R>(std::slice::from_ref(&row));
        self.session.insert(Self::KEYS, added, |standing| self.inserts(&row, &standing, added)).await?;
        Ok(inserted)
    }

    /// Inserts all rows or none, and returns them in the order given.
    pub async fn insert_many(&self, new: Vec<R::New>) -> Result<Vec<R>, Error> {
        let stamp = Stamp::now(self.session.tenant);
        let plain = new.into_iter().map(|new| self.stamped(new, &stamp)).collect::<Result<Vec<_>, _>>()?;
        let inserted = plain.iter().map(model::<R>).collect::<Result<Vec<_>, _>>()?;
        if plain.is_empty() {
            return Ok(inserted);
        }
        let mut rows = Vec::with_capacity(plain.len());
        for row in plain {
            rows.push(self.sealed(row).await?);
        }
        let mut unit = self.writing().await?;
        for chunk in rows.chunks(ROWS_A_STATEMENT) {
            unit.affected(self.build(&self.insertion(chunk))).await?;
            added::<R>(chunk).map_or(Ok(()), |added| unit.count(added))?;
        }
        unit.finish().await?;
        Ok(inserted)
    }

    /// Inserts a row unless its key is taken; `None` when it was.
    pub async fn insert_if_absent(&self, new: R::New) -> Result<Option<R>, Error> {
        let row = self.sealed(self.stamped(new, &Stamp::now(self.session.tenant))?).await?;
        let mut insert = self.insertion(&[row]);
        insert.on_conflict(OnConflict::columns(R::UPSERT_KEY.iter().copied()).do_nothing().to_owned());
        self.insert_returning(insert).await
    }

    /// Inserts a row, or changes the one that has its key.
    pub async fn upsert(&self, new: R::New) -> Result<R, Error> {
        let row = self.sealed(self.stamped(new, &Stamp::now(self.session.tenant))?).await?;
        let mut insert = self.insertion(&[row]);
        let replaced = Self::columns().filter(|column| !is_among(*column, R::FIXED));
        let mut conflict = OnConflict::columns(R::UPSERT_KEY.iter().copied());
        conflict.update_columns(replaced).value(R::VERSION, Expr::col((R::Entity::default(), R::VERSION)).add(1_i64));
        if let Some(counted) = R::COUNTED {
            let new = Expr::cust(format!("excluded.{}", counted.bytes.as_str()));
            conflict.value(Alias::new(CHANGE), new.sub(Expr::col((R::Entity::default(), counted.bytes))));
        }
        conflict.action_and_where(R::TENANT.eq(self.session.tenant));
        insert.on_conflict(conflict);
        let row = self.insert_returning(insert).await?;
        row.ok_or_else(|| Error::Internal("an upsert returned no row".to_owned()))
    }

    /// Runs an insert that may turn out to be something else, and returns the row that it wrote.
    async fn insert_returning(&self, mut insert: InsertStatement) -> Result<Option<R>, Error> {
        insert.returning(Self::returned());
        let mut unit = self.writing().await?;
        let rows = unit.rows(self.build(&insert)).await?;
        // An upsert that changed a row has made its version another than the first.
        let is_new = |row: &QueryResult| row.try_get::<i64>("", R::VERSION.as_str()).map(|version| version == 1);
        let new = rows.iter().map(is_new).collect::<Result<Vec<_>, _>>().map_err(internal)?;
        count_changes::<R>(&mut unit, new.into_iter().filter(|is_new| *is_new).count(), &rows)?;
        unit.finish().await?;
        Ok(self.opened(&rows).await?.pop())
    }

    /// The row as it will be, with this tenant; one that claims another is refused.
    fn stamped(&self, new: R::New, stamp: &Stamp) -> Result<R::ActiveModel, Error> {
        match R::claimed_tenant(&new) {
            Some(claimed) if claimed != self.session.tenant => Err(Error::ForeignTenant),
            _ => Ok(R::new_row(new, stamp)),
        }
    }

    async fn sealed(&self, mut row: R::ActiveModel) -> Result<R::ActiveModel, Error> {
        if let Value::Uuid(Some(id)) = value_of(&row, R::ID) {
            self.seal(id, &mut row).await?;
        }
        Ok(row)
    }

    /// The tenant's column is written here, whatever the row has in it: no entity can forget to.
    fn insertion(&self, rows: &[R::ActiveModel]) -> InsertStatement {
        let mut insert = Self::inserting();
        insert.into_table(R::Entity::default());
        for row in rows {
            let tenant = Value::from(self.session.tenant);
            insert.values_panic(std::iter::once(tenant).chain(values::<R>(row)).map(Expr::val));
        }
        insert
    }

    fn inserting() -> InsertStatement {
        let change = R::COUNTED.map(|_| Alias::new(CHANGE).into_iden());
        let columns = std::iter::once(R::TENANT).chain(own_columns::<R>()).map(IntoIden::into_iden);
        Query::insert().columns(columns.chain(change)).take()
    }

    /// One row's insert as it is sent by itself, or in a transaction.
    fn inserts(&self, row: &R::ActiveModel, standing: &Standing, added: Option<Added>) -> Result<Statement, Error> {
        let (backend, tenant) = (self.session.backend, self.session.tenant);
        match standing {
            Standing::Alone { schema } => {
                let slot = any_slot_of_inserts();
                let mut all = vec![Value::from(tenant)];
                if let Some(added) = added {
                    all.extend([Value::from(tenant), Value::from(slot), Value::from(added.bytes)]);
                }
                all.push(Value::from(self.fence()));
                all.extend(values::<R>(row));
                let words = if schema.is_some() { b"+S" } else { b"+A" };
                let build = || Ok(self.build(&self.entering(row, schema.as_ref().map(|_| SCHEMA), slot, added)));
                texts::statement(backend, Some(Shape::new::<R>(backend, words.to_vec())), all, schema.as_deref(), build)
            }
            Standing::InTransaction => {
                let all = std::iter::once(Value::from(tenant)).chain(values::<R>(row)).collect();
                let build = || Ok(self.build(&self.insertion(std::slice::from_ref(row))));
                texts::statement(backend, Some(Shape::new::<R>(backend, b"+T".to_vec())), all, None, build)
            }
        }
    }

    /// An insert that enters the place, by this slot of the tally if it counts.
    fn entering(&self, row: &R::ActiveModel, schema: Option<&str>, slot: i64, added: Option<Added>) -> InsertStatement {
        let mut insert = Self::inserting();
        match schema {
            Some(schema) => insert.into_table((Alias::new(schema), R::Entity::default())),
            None => insert.into_table(R::Entity::default()),
        };
        let row = values::<R>(row).map(Expr::val);
        match added {
            Some(added) => self.insert_counted(&mut insert, row, slot, added, schema),
            None => {
                let tenant = self.enter(schema, Expr::val(self.session.tenant));
                insert.values_panic(std::iter::once(tenant).chain(row));
            }
        }
        insert
    }
}

/// All columns but the tenant's.
fn own_columns<R: Owned>() -> impl Iterator<Item = R::Column> {
    TenantScoped::<R>::columns().filter(|column| !is_among(*column, &[R::TENANT]))
}

/// What is inserted after the tenant: the row's values, and that all of its bytes are added.
fn values<R: Owned>(row: &R::ActiveModel) -> impl Iterator<Item = Value> {
    let added = R::COUNTED.map(|counted| value_of(row, counted.bytes));
    own_columns::<R>().map(|column| value_of(row, column)).chain(added)
}

/// Rows that are inserted have every column set.
fn value_of<A: ActiveModelTrait>(row: &A, column: <A::Entity as EntityTrait>::Column) -> Value {
    row.get(column).into_value().unwrap_or(Value::String(None))
}

/// What the rows add to the tally, if they count.
fn added<R: Owned>(rows: &[R::ActiveModel]) -> Option<Added> {
    let counted = R::COUNTED?;
    let bytes = |row| match value_of::<R::ActiveModel>(row, counted.bytes) {
        Value::BigInt(Some(bytes)) => bytes,
        _ => 0,
    };
    let number = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    Some(Added { table: counted.table, rows: number, bytes: rows.iter().map(bytes).sum() })
}

/// The row as whoever inserts it will read it: nothing is made by the database.
fn model<R: Owned>(row: &R::ActiveModel) -> Result<R, Error> {
    R::try_from(row.clone()).map_err(internal)
}
