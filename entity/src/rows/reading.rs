//! Rows, read a batch at a time: as many as fit into a bounded number of bytes.

use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, Func, Order, Query, SelectStatement};
use sea_orm::{DbBackend, StatementBuilder, Value};
use uuid::Uuid;

use super::table::TENANT;
use super::{Row, Rows, Table};
use crate::connection::{Access, Lease};
use crate::error::{Error, Keys, internal};

/// Rows of one batch, at most.
const MOST_ROWS: u64 = 1_000;

/// Rows of the first batch: nobody knows yet how large they are.
const FIRST_ROWS: u64 = 16;

/// About how many bytes a batch may have.
const BYTES: usize = 4 << 20;

/// All of a tenant's rows in a table, in the order of their ids.
pub(crate) struct Batches {
    tenant: Uuid,
    after: Option<Uuid>,
    size: u64,
    ended: bool,
}

impl Batches {
    pub(crate) fn new(tenant: Uuid) -> Self {
        Self { tenant, after: None, size: FIRST_ROWS, ended: false }
    }

    /// The next rows; none at the end.
    pub(crate) async fn next(&mut self, table: &Table, lease: &mut Lease) -> Result<Vec<Row>, Error> {
        if self.ended {
            return Ok(Vec::new());
        }
        let mut select = selecting(table, self.tenant);
        select.order_by(Alias::new(&table.id), Order::Asc).limit(self.size);
        if let Some(after) = self.after {
            select.and_where(Expr::col(Alias::new(&table.id)).gt(after));
        }
        let rows = fetch(lease, table, &select).await?;
        self.ended = (rows.len() as u64) < self.size;
        self.after = rows.last().and_then(|row| row.id(table));
        self.size = next_size(&rows).unwrap_or(self.size);
        Ok(rows)
    }
}

/// How many rows to read next, so that they have about the right number of bytes.
pub(super) fn next_size(rows: &[Row]) -> Option<u64> {
    let bytes: usize = rows.iter().map(Row::bytes).sum();
    let fit = BYTES.checked_div(bytes / rows.len().max(1))?;
    Some((fit as u64).clamp(1, MOST_ROWS))
}

impl Rows<'_> {
    /// The rows with these ids that are there.
    pub(crate) async fn with_ids(&self, table: &Table, ids: &[Uuid]) -> Result<Vec<Row>, Error> {
        let mut select = selecting(table, self.tenant);
        select.cond_where(among(table, ids));
        let mut lease = self.begin(Access::Read).await?;
        let rows = fetch(&mut lease, table, &select).await?;
        lease.commit().await?;
        Ok(rows)
    }

    /// How many rows the tenant has in the table.
    pub(crate) async fn count(&self, table: &Table) -> Result<u64, Error> {
        let mut select = Query::select();
        select.expr(Func::count(Expr::cust("*"))).from(table.alias()).and_where(Expr::col(TENANT).eq(self.tenant));
        let mut lease = self.begin(Access::Read).await?;
        let rows = lease.rows(build(&lease, &select), Keys::default()).await?;
        lease.commit().await?;
        let count: i64 = rows.first().map_or(Ok(0), |row| row.try_get_by_index(0)).map_err(internal)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

impl Row {
    pub(super) fn id(&self, table: &Table) -> Option<Uuid> {
        match self.get(table, &table.id) {
            Some(Value::Uuid(Some(id))) => Some(*id),
            _ => None,
        }
    }

    fn get(&self, table: &Table, column: &str) -> Option<&Value> {
        self.0.get(table.position(column)?)
    }

    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        let text = |value: &Value| match value {
            Value::String(Some(text)) => text.len(),
            _ => 0,
        };
        self.0.iter().map(|value| size_of::<Value>() + text(value)).sum()
    }
}

pub(super) fn selecting(table: &Table, tenant: Uuid) -> SelectStatement {
    Query::select().columns(table.columns()).from(table.alias()).and_where(Expr::col(TENANT).eq(tenant)).take()
}

/// The rows with these ids, between the least and the greatest of them. PostgreSQL has no statistics of a place that was just filled, and may
/// compare each row that a list is sought in with each of the list: that must not be all rows that the tenant has.
pub(super) fn among(table: &Table, ids: &[Uuid]) -> Condition {
    let id = || Expr::col(Alias::new(&table.id));
    let bounds = ids.iter().min().zip(ids.iter().max());
    let between = bounds.map(|(least, greatest)| id().between(*least, *greatest));
    Condition::all().add_option(between).add(id().is_in(ids.iter().copied()))
}

pub(super) async fn fetch(lease: &mut Lease, table: &Table, select: &SelectStatement) -> Result<Vec<Row>, Error> {
    let rows = lease.rows(build(lease, select), Keys::default()).await?;
    rows.iter().map(|row| table.read(row)).collect()
}

pub(super) fn build(lease: &Lease, statement: &impl StatementBuilder) -> sea_orm::Statement {
    let backend: DbBackend = lease.backend();
    StatementBuilder::build(statement, &backend)
}
