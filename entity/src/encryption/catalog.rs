//! `data_keys`, read and written as the platform.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{
    Alias, DeleteStatement, Expr, ExprTrait, Func, InsertStatement, Order, Query, UpdateStatement,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QueryTrait};
use sea_orm::{QueryResult, StatementBuilder};
use uuid::Uuid;

use crate::connection::Lease;
use crate::entities::data_key::{ActiveModel, Column, Entity, Model};
use crate::error::{Error, Keys, internal};
use crate::place::Place;
use crate::resource::now;

/// A tenant's data keys, oldest first.
pub(super) async fn of_tenant(catalog: &Place, tenant: Uuid) -> Result<Vec<Model>, Error> {
    let select = Entity::find().filter(Column::TenantId.eq(tenant)).order_by_asc(Column::Version).into_query();
    models(&fetch(catalog, &select).await?)
}

/// Every data key that another master key than this one wraps.
pub(super) async fn not_wrapped_with(catalog: &Place, master_key_id: &str) -> Result<Vec<Model>, Error> {
    let select =
        Entity::find().filter(Column::MasterKeyId.ne(master_key_id)).order_by_asc(Column::TenantId).into_query();
    models(&fetch(catalog, &select).await?)
}

/// One data key of each master key, and how many tenants it has.
pub(super) async fn wrapped_with_each(catalog: &Place) -> Result<Vec<(Model, i64)>, Error> {
    let tenants = Expr::expr(Func::count_distinct(Expr::col(Column::TenantId)));
    let mut select = Query::select();
    select.column(Column::MasterKeyId).expr_as(tenants, Alias::new("tenants")).from(Entity);
    let rows = fetch(catalog, select.group_by_col(Column::MasterKeyId)).await?;
    let mut found = Vec::new();
    for row in rows {
        let (id, tenants): (String, i64) =
            (row.try_get_by_index(0).map_err(internal)?, row.try_get_by_index(1).map_err(internal)?);
        let mut one = Entity::find().filter(Column::MasterKeyId.eq(id)).into_query();
        one.order_by(Column::CreatedAt, Order::Desc).limit(1);
        let one = models(&fetch(catalog, &one).await?)?;
        found.extend(one.into_iter().map(|model| (model, tenants)));
    }
    Ok(found)
}

/// How many data keys the tenant has.
pub(crate) async fn count(catalog: &Place, tenant: Uuid) -> Result<u64, Error> {
    Ok(of_tenant(catalog, tenant).await?.len() as u64)
}

/// A new version, which must not be there yet.
pub(super) fn insertion(tenant: Uuid, version: i32, wrapped: String, master_key_id: &str) -> InsertStatement {
    let row = ActiveModel {
        tenant_id: Set(tenant),
        version: Set(version),
        wrapped: Set(wrapped),
        master_key_id: Set(master_key_id.to_owned()),
        created_at: Set(now()),
        retired_at: Set(None),
    };
    Entity::insert(row).into_query()
}

/// The same key under another master key, unless somebody else wrapped it anew meanwhile.
pub(super) fn rewrapping(key: &Model, wrapped: String, master_key_id: &str) -> UpdateStatement {
    Query::update()
        .table(Entity)
        .value(Column::Wrapped, wrapped)
        .value(Column::MasterKeyId, master_key_id)
        .and_where(Column::TenantId.eq(key.tenant_id))
        .and_where(Column::Version.eq(key.version))
        .and_where(Column::Wrapped.eq(key.wrapped.as_str()))
        .take()
}

/// Notes that no row is sealed with the tenant's keys before this one any more.
pub(super) fn retiring(tenant: Uuid, before: i32, at: DateTime<Utc>) -> UpdateStatement {
    Query::update()
        .table(Entity)
        .value(Column::RetiredAt, at)
        .and_where(Column::TenantId.eq(tenant))
        .and_where(Column::Version.lt(before))
        .and_where(Column::RetiredAt.is_null())
        .take()
}

/// Destroys every data key of the tenant.
pub(crate) fn deletion(tenant: Uuid) -> DeleteStatement {
    Query::delete().from_table(Entity).and_where(Expr::col(Column::TenantId).eq(tenant)).take()
}

async fn fetch(catalog: &Place, select: &impl StatementBuilder) -> Result<Vec<QueryResult>, Error> {
    Lease::read_alone(catalog, StatementBuilder::build(select, &catalog.backend()), Keys::default()).await
}

fn models(rows: &[QueryResult]) -> Result<Vec<Model>, Error> {
    rows.iter().map(|row| Model::from_query_result(row, "").map_err(internal)).collect()
}
