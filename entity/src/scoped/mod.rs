//! [`TenantScoped`]: every statement on a tenant's table is built here, and each one names the tenant.

mod binding;
mod change;
mod eager;
mod entering;
mod insert;
mod list;
mod read;
mod reading;
mod sealed;
mod texts;
mod write;

use std::marker::PhantomData;

use sea_orm::sea_query::{Condition, SelectStatement, SimpleExpr};
use sea_orm::{
    ColumnTrait, EntityName, EntityTrait, Iterable, QueryFilter, QueryResult, QueryTrait, Statement, StatementBuilder,
};

use crate::cache::{Area, Keepable, Question};
use crate::connection::{Access, Standing};
use crate::error::{Error, Keys};
use crate::filter::Filter;
use crate::resource::{Mapped, Resource};
use crate::session::{Session, Unit};

pub(crate) use reading::Reading;

pub use list::{Direction, List, Page, Slice, Sorted};

/// The rows of `R` that belong to one tenant, and nothing else.
///
/// It takes values, filters and orders, never a statement, and adds the tenant's condition last and outside of the caller's:
/// no filter can widen it. Get one from [`TenantAccess`](crate::TenantAccess) or [`Transaction`](crate::Transaction).
pub struct TenantScoped<R: Resource> {
    session: Session,
    resource: PhantomData<fn() -> R>,
}

impl<R: Resource> TenantScoped<R> {
    pub(crate) fn new(session: Session) -> Self {
        Self { session, resource: PhantomData }
    }
}

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Mapped> TenantScoped<R> {
    /// The tenant's condition, on every statement.
    fn tenant(&self) -> SimpleExpr {
        R::TENANT.eq(self.session.tenant)
    }

    /// The tenant's condition around the caller's. Both are parts of a new `AND`: adding to the caller's own condition would
    /// join its `OR`.
    fn within(&self, filter: Filter<R>) -> Result<Condition, Error> {
        Ok(Condition::all().add(filter.into_condition()?).add(self.tenant()))
    }

    /// A select of the tenant's matching rows.
    fn select(&self, filter: Filter<R>) -> Result<SelectStatement, Error> {
        Ok(R::Entity::find().filter(self.within(filter)?).into_query())
    }

    const KEYS: Keys = Keys { unique: R::UNIQUE, references: R::REFERENCES };

    fn build(&self, statement: &impl StatementBuilder) -> Statement {
        StatementBuilder::build(statement, &self.session.backend)
    }

    async fn unit(&self, access: Access) -> Result<Unit<'_>, Error> {
        self.session.unit(access, Self::KEYS).await
    }

    /// Runs one reading statement by itself.
    async fn fetch(&self, reading: &Reading<R>) -> Result<Vec<QueryResult>, Error> {
        self.session.read(Self::KEYS, |standing: Standing| self.reads(reading, &standing)).await
    }

    /// The answer to a question from the cache, if it may keep it, or else what `load` gets. The question is told where the tenant's
    /// rows are.
    async fn kept_or<T: Keepable, F: Future<Output = Result<T, Error>> + Send>(
        &self,
        question: impl FnOnce(i64) -> Result<Question, Error>,
        load: impl FnOnce() -> F + Send,
    ) -> Result<T, Error> {
        let Some((cache, placed)) = self.session.cache().filter(|_| R::CACHED) else { return load().await };
        let name = R::Entity::default();
        match migration::TENANT_TABLES.iter().find(|table| **table == name.table_name()) {
            Some(table) => {
                let area = Area::Table { tenant: self.session.tenant, table };
                cache.read(area, question(placed)?, load).await
            }
            None => load().await,
        }
    }

    /// Every column, by name: `*` would break prepared statements when a migration adds one.
    fn columns() -> impl Iterator<Item = R::Column> {
        <R::Column as Iterable>::iter()
    }
}

/// Reads rows as models, as they are stored.
fn models<R: Mapped>(rows: &[QueryResult]) -> Result<Vec<R>, Error> {
    rows.iter().map(|row| R::from_query_result(row, "").map_err(|error| Error::Internal(error.to_string()))).collect()
}

/// Reads the number that a counting statement answers with.
fn number(rows: &[QueryResult]) -> Result<i64, Error> {
    let row = rows.first().ok_or_else(|| Error::Internal("a count without a row".to_owned()))?;
    row.try_get_by_index(0).map_err(|error| Error::Internal(error.to_string()))
}
