//! Tenants as the platform sees them: made, found, listed and changed.

use chrono::{DateTime, Utc};
use migration::TENANT;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query, UpdateStatement};
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, Iterable, QueryFilter, QueryResult, QueryTrait, StatementBuilder,
};
use serde_json::json;
use uuid::Uuid;

use super::work::Work;
use super::{KEYS, NO_TENANT, Platform};
use crate::connection::Lease;
use crate::cursor::Cursor;
use crate::database::Database;
use crate::entities::{operation, tenant};
use crate::error::{Error, internal};
use crate::filter::Filter;
use crate::gatekeeper::TenantName;
use crate::resource::{Mapped, fold, now};
use crate::scoped::Slice;
use crate::vocabulary::{Domains, Isolation, Limits, TenantStatus};

/// A tenant to make.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// Its id; made now when absent.
    pub id: Option<Uuid>,
    /// Short name, unique in the installation.
    pub slug: String,
    /// Shown name.
    pub name: String,
    /// Where its rows are to live.
    pub isolation: Isolation,
    /// On which further server, if not the first.
    pub datastore: Option<String>,
    /// Custom domains that name it, lower-cased; each names one tenant only.
    pub domains: Vec<String>,
    /// What it may use.
    pub limits: Limits,
    /// When it was made; now when absent.
    pub created_at: Option<DateTime<Utc>>,
}

/// What to change of a tenant; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct TenantChanges {
    /// Short name, unique in the installation. The old one stays this tenant's and names nobody.
    pub slug: Option<String>,
    /// Shown name.
    pub name: Option<String>,
    /// All of its custom domains.
    pub domains: Option<Vec<String>>,
    /// All of its limits.
    pub limits: Option<Limits>,
}

/// Which tenants to list; `None` does not narrow.
#[derive(Clone, Debug, Default)]
pub struct TenantQuery {
    /// In this state.
    pub status: Option<TenantStatus>,
    /// With this isolation.
    pub isolation: Option<Isolation>,
    /// Whose slug or name contains this.
    pub q: Option<String>,
}

impl Platform<'_> {
    /// Writes a new tenant into the catalog.
    pub(crate) async fn tenant_enter(
        &self,
        new: NewTenant,
        status: TenantStatus,
        operation: Option<&operation::Model>,
    ) -> Result<tenant::Model, Error> {
        let created_at = new.created_at.unwrap_or_else(now);
        let id = new.id.unwrap_or_else(Uuid::now_v7);
        let row = tenant::ActiveModel {
            id: Set(id),
            slug: Set(new.slug.clone()),
            name_folded: Set(fold(&new.name)),
            name: Set(new.name),
            status: Set(status),
            isolation: Set(new.isolation),
            suspended: Set(false),
            datastore: Set(new.datastore),
            domains: Set(Domains(new.domains.clone())),
            limits: Set(new.limits),
            schema_version: Set(if status == TenantStatus::Provisioning { 0 } else { newest_schema() }),
            version: Set(1),
            created_at: Set(created_at),
            updated_at: Set(created_at),
            writes_held: Set(false),
        };
        let mut insert = tenant::Entity::insert(row).into_query();
        insert.returning(Query::returning().columns(tenant::Column::iter()));
        let mut work = Work::begin(self).await?;
        let tenant = work.tenant(&insert).await?;
        work.take_slug(id, &new.slug).await?;
        work.take_domains(id, &new.domains).await?;
        if let Some(operation) = operation {
            work.begin_operation(operation).await?;
        }
        let detail = json!({ "slug": new.slug, "isolation": new.isolation });
        let action = operation.map_or("tenant.create", |_| "tenant.import");
        work.finish(action, id, detail).await?;
        tenant.ok_or_else(|| Error::Internal("an insert returned no row".to_owned()))
    }

    /// The tenant of this name, whatever state it is in.
    pub async fn tenant_find(&self, name: &TenantName) -> Result<Option<tenant::Model>, Error> {
        let condition = match name {
            TenantName::Id(id) => return tenant_by_id(self.database, *id).await,
            TenantName::Slug(slug) => tenant::Column::Slug.eq(slug.as_str()),
            TenantName::Domain(_) => return Ok(None),
        };
        let select = tenant::Entity::find().filter(condition).into_query();
        first(&self.fetch(&select).await?)
    }

    /// Tenants after the cursor, newest first.
    pub async fn tenant_list(
        &self,
        query: TenantQuery,
        after: Option<Cursor>,
        limit: u64,
    ) -> Result<Slice<tenant::Model>, Error> {
        let mut filter = Filter::<tenant::Model>::all();
        if let Some(status) = query.status {
            filter = filter.and(Filter::eq(tenant::Column::Status, status));
        }
        if let Some(isolation) = query.isolation {
            filter = filter.and(Filter::eq(tenant::Column::Isolation, isolation));
        }
        if let Some(q) = query.q {
            let named = Filter::contains(tenant::Column::Name, q.clone());
            filter = filter.and(Filter::contains(tenant::Column::Slug, q).or(named));
        }
        if let Some(cursor) = after {
            filter = filter.and(Filter::lt(tenant::Column::Id, cursor.check(tenant::Model::TAG, NO_TENANT)?.id()));
        }
        let mut select = tenant::Entity::find().filter(filter.into_condition()?).into_query();
        select.order_by(tenant::Column::Id, Order::Desc).limit(limit.saturating_add(1));
        let rows = self.fetch(&select).await?;
        let tenants = rows.iter().map(|row| tenant::Model::from_query_result(row, "").map_err(internal));
        Ok(cut(tenants.collect::<Result<_, _>>()?, limit, |tenant| {
            Cursor::new(tenant::Model::TAG, NO_TENANT, tenant.id)
        }))
    }

    /// Changes a tenant if it has the expected version; `None` when there is no such tenant or it has another version.
    pub async fn tenant_update(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        changes: TenantChanges,
    ) -> Result<Option<tenant::Model>, Error> {
        let mut update = updating(id);
        let mut changed = Vec::new();
        if let Some(slug) = &changes.slug {
            update.value(tenant::Column::Slug, slug.as_str());
            changed.push("slug");
        }
        if let Some(name) = changes.name {
            update.value(tenant::Column::NameFolded, fold(&name)).value(tenant::Column::Name, name);
            changed.push("name");
        }
        if let Some(domains) = &changes.domains {
            update.value(tenant::Column::Domains, Domains(domains.clone()));
            changed.push("domains");
        }
        if let Some(limits) = changes.limits {
            update.value(tenant::Column::Limits, limits);
            changed.push("limits");
        }
        if let Some(version) = expected_version {
            update.and_where(tenant::Column::Version.eq(version));
        }
        if changed.is_empty() {
            let tenant = self.tenant_find(&TenantName::Id(id)).await?;
            return Ok(tenant.filter(|tenant| expected_version.is_none_or(|version| version == tenant.version)));
        }
        let mut work = Work::begin(self).await?;
        let Some(tenant) = work.tenant(&update).await? else {
            work.give_up().await;
            return Ok(None);
        };
        if let Some(slug) = &changes.slug {
            work.take_slug(id, slug).await?;
        }
        if let Some(domains) = &changes.domains {
            work.give_up_domains(id).await?;
            work.take_domains(id, domains).await?;
        }
        work.finish("tenant.update", id, json!({ "changed": changed })).await?;
        Ok(Some(tenant))
    }
}

/// How many migrations the tenant tables of this program have.
pub(crate) fn newest_schema() -> i32 {
    i32::try_from(TENANT.newest()).unwrap_or(i32::MAX)
}

/// The tenant's row, for work that the installation does by itself.
pub(crate) async fn tenant_by_id(database: &Database, id: Uuid) -> Result<Option<tenant::Model>, Error> {
    let select = tenant::Entity::find().filter(tenant::Column::Id.eq(id)).into_query();
    let statement = StatementBuilder::build(&select, &database.platform.backend());
    first(&Lease::read_alone(&database.platform, statement, KEYS).await?)
}

/// An update of one tenant's row, to which the columns are added.
pub(super) fn updating(id: Uuid) -> UpdateStatement {
    let mut update = Query::update();
    update
        .table(tenant::Entity)
        .value(tenant::Column::Version, Expr::col(tenant::Column::Version).add(1_i64))
        .value(tenant::Column::UpdatedAt, now())
        .and_where(tenant::Column::Id.eq(id))
        .returning(Query::returning().columns(tenant::Column::iter()));
    update
}

pub(super) fn first(rows: &[QueryResult]) -> Result<Option<tenant::Model>, Error> {
    rows.first().map(|row| tenant::Model::from_query_result(row, "").map_err(internal)).transpose()
}

/// Cuts rows, of which one more than asked for was fetched, into a slice.
pub(super) fn cut<T>(mut rows: Vec<T>, limit: u64, cursor: impl Fn(&T) -> Cursor) -> Slice<T> {
    let more = rows.len() as u64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more).map(cursor);
    Slice { rows, next }
}
