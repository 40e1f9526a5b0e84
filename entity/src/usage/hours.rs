//! The catalog's hours: added to, and read.

use std::collections::HashSet;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, Func, OnConflict, Order, Query};
use sea_orm::{
    ColumnTrait, EntityTrait, IdenStatic, Iterable, QueryFilter, QueryResult, QuerySelect, QueryTrait, StatementBuilder,
};
use uuid::Uuid;

use super::Counts;
use crate::connection::{Access, Binding, Lease};
use crate::database::Database;
use crate::entities::tenant;
use crate::entities::usage_hour::{ActiveModel, Column, Entity};
use crate::error::{Error, Keys, internal};
use crate::platform::Platform;
use crate::resource::now;

/// Tenants of one `INSERT`: keeps the number of values below what the databases take.
const TENANTS_A_STATEMENT: usize = 500;

/// Which hours to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct UsageQuery {
    /// Of this tenant; of all together otherwise.
    pub tenant_id: Option<Uuid>,
    /// Hours that begin at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Hours that begin before this time.
    pub to: Option<DateTime<Utc>>,
}

/// What was used in one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageHour {
    /// Its beginning.
    pub hour: DateTime<Utc>,
    /// How much.
    pub counts: Counts,
}

impl Database {
    /// Adds what tenants used to the hour that it is. All of it is added or none; what a tenant used that is purged
    /// meanwhile is dropped.
    pub async fn usage_add(&self, used: &[(Uuid, Counts)]) -> Result<(), Error> {
        if used.is_empty() {
            return Ok(());
        }
        let hour = hour_of(now());
        let mut lease = Lease::begin(&self.platform, Access::Write, Binding::Nobody).await?;
        let added = add_all(&mut lease, used, hour).await;
        if added.is_err() {
            lease.roll_back().await;
        }
        added?;
        lease.commit().await
    }

    /// Forgets hours that began before this time.
    pub async fn usage_forget(&self, before: DateTime<Utc>) -> Result<(), Error> {
        let delete = Query::delete().from_table(Entity).and_where(Column::Hour.lt(before)).take();
        let mut lease = Lease::begin(&self.platform, Access::Write, Binding::Nobody).await?;
        let statement = StatementBuilder::build(&delete, &lease.backend());
        lease.affected(statement, Keys::default()).await?;
        lease.commit().await
    }
}

impl Platform<'_> {
    /// The hours, oldest first, in which anything was used.
    pub async fn usage_list(&self, query: UsageQuery) -> Result<Vec<UsageHour>, Error> {
        let mut find = Entity::find().select_only().column(Column::Hour).group_by(Column::Hour);
        for column in counted() {
            // A sum of `bigint` is of another type on PostgreSQL.
            let sum = Expr::expr(Func::cast_as(Func::sum(Expr::col(column)), "bigint"));
            find = find.column_as(sum, column.as_str());
        }
        if let Some(tenant) = query.tenant_id {
            find = find.filter(Column::TenantId.eq(tenant));
        }
        if let Some(from) = query.from {
            find = find.filter(Column::Hour.gte(from));
        }
        if let Some(to) = query.to {
            find = find.filter(Column::Hour.lt(to));
        }
        let mut select = find.into_query();
        select.order_by(Column::Hour, Order::Asc);
        self.fetch(&select).await?.iter().map(read).collect()
    }
}

async fn add_all(lease: &mut Lease, used: &[(Uuid, Counts)], hour: DateTime<Utc>) -> Result<(), Error> {
    let mut used = used.to_vec();
    // In one order: two processes that add at the same time must not wait for each other.
    used.sort_by_key(|(tenant, _)| *tenant);
    for chunk in used.chunks(TENANTS_A_STATEMENT) {
        let known = known(lease, chunk).await?;
        let rows: Vec<_> =
            chunk.iter().filter(|(id, _)| known.contains(id)).map(|(id, counts)| row(*id, hour, counts)).collect();
        if rows.is_empty() {
            continue;
        }
        let mut sum = OnConflict::columns([Column::TenantId, Column::Hour]);
        for column in counted() {
            let more = Expr::cust(format!("excluded.{}", column.as_str()));
            sum.value(column, Expr::col((Entity, column)).add(more));
        }
        let insert = Entity::insert_many(rows).on_conflict(sum).into_query();
        let statement = StatementBuilder::build(&insert, &lease.backend());
        lease.affected(statement, Keys::default()).await?;
    }
    Ok(())
}

/// Those of the tenants that are still there.
async fn known(lease: &mut Lease, used: &[(Uuid, Counts)]) -> Result<HashSet<Uuid>, Error> {
    let ids = used.iter().map(|(tenant, _)| *tenant);
    let mut select = tenant::Entity::find().select_only().column(tenant::Column::Id).into_query();
    select.and_where(tenant::Column::Id.is_in(ids));
    let statement = StatementBuilder::build(&select, &lease.backend());
    let rows = lease.rows(statement, Keys::default()).await?;
    rows.iter().map(|row| row.try_get_by_index(0).map_err(internal)).collect()
}

fn row(tenant: Uuid, hour: DateTime<Utc>, counts: &Counts) -> ActiveModel {
    let number = |count: u64| Set(i64::try_from(count).unwrap_or(i64::MAX));
    ActiveModel {
        tenant_id: Set(tenant),
        hour: Set(hour),
        requests: number(counts.requests),
        errors: number(counts.errors),
        refused: number(counts.refused),
        bytes_in: number(counts.bytes_in),
        bytes_out: number(counts.bytes_out),
        database_micros: number(counts.database_micros),
        cache_hits: number(counts.cache_hits),
    }
}

fn read(row: &QueryResult) -> Result<UsageHour, Error> {
    let count = |column: Column| -> Result<u64, Error> {
        let count: i64 = row.try_get("", column.as_str()).map_err(internal)?;
        Ok(u64::try_from(count).unwrap_or_default())
    };
    Ok(UsageHour {
        hour: row.try_get("", Column::Hour.as_str()).map_err(internal)?,
        counts: Counts {
            requests: count(Column::Requests)?,
            errors: count(Column::Errors)?,
            refused: count(Column::Refused)?,
            bytes_in: count(Column::BytesIn)?,
            bytes_out: count(Column::BytesOut)?,
            database_micros: count(Column::DatabaseMicros)?,
            cache_hits: count(Column::CacheHits)?,
        },
    })
}

/// The columns that are sums.
fn counted() -> impl Iterator<Item = Column> {
    Column::iter().filter(|column| !matches!(column, Column::TenantId | Column::Hour))
}

fn hour_of(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::hours(1)).unwrap_or(time)
}
