//! The fleet's ledger, and one tenant brought up.

use chrono::{DateTime, Utc};
use migration::TENANT;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{FromQueryResult, Iterable};
use serde_json::json;
use uuid::Uuid;

use super::{AuditEntry, NO_TENANT, Platform, newest_schema};
use crate::cursor::Cursor;
use crate::entities::{tenant, tenant_version};
use crate::error::{Error, internal, told_outside};
use crate::gatekeeper::TenantName;
use crate::migrate;
use crate::scoped::Slice;
use crate::vocabulary::{Isolation, TenantStatus, WorkState};

/// Tells the ledger's cursors from others'.
const TAG: u8 = b'v';

/// The last migration of one tenant's tables.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct TenantMigration {
    /// Whose tables.
    pub tenant_id: Uuid,
    /// The tenant's short name.
    pub slug: String,
    /// The version that they have, or were to get.
    pub version: i32,
    /// How far it is.
    pub state: WorkState,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Which migrations to list; `None` does not narrow.
#[derive(Clone, Debug, Default)]
pub struct MigrationQuery {
    /// In this state.
    pub state: Option<WorkState>,
}

impl Platform<'_> {
    /// Brings the tenant's tables to the newest version, and answers with its row of the ledger; `None` when there is no such
    /// tenant. It goes on when nobody waits for it any more. Where nothing is lacking, nothing is done.
    pub async fn tenant_migrate(&self, id: Uuid) -> Result<Option<TenantMigration>, Error> {
        let Some(tenant) = self.tenant_find(&TenantName::Id(id)).await? else { return Ok(None) };
        if tenant.schema_version < newest_schema() {
            self.check_migration(&tenant)?;
            let (database, admin) = (self.database.clone(), self.admin.clone());
            let work = async move { Platform::new(&database, &admin).bring_up(&tenant).await };
            let ended = self.database.spawn(work).await;
            ended.map_err(|_| Error::Internal("a migration panicked".to_owned()))??;
        } else {
            migrate::note_current_tenant(self.database, &tenant).await?;
        }
        self.migration_of(id).await
    }

    /// Reads a cursor that [`Platform::migration_list`] gave out.
    pub fn migration_cursor(&self, text: &str) -> Result<Cursor, Error> {
        Cursor::parse(text, TAG, NO_TENANT)
    }

    /// The last migration of each tenant that was ever migrated by itself, newest tenants first.
    pub async fn migration_list(
        &self,
        query: MigrationQuery,
        after: Option<Cursor>,
        limit: u64,
    ) -> Result<Slice<TenantMigration>, Error> {
        let mut select = ledger();
        if let Some(state) = query.state {
            select.and_where(Expr::col((tenant_version::Entity, tenant_version::Column::State)).eq(state.as_str()));
        }
        let id = (tenant_version::Entity, tenant_version::Column::TenantId);
        if let Some(cursor) = after {
            select.and_where(Expr::col(id).lt(cursor.check(TAG, NO_TENANT)?.id()));
        }
        select.order_by(id, Order::Desc).limit(limit.saturating_add(1));
        Ok(super::tenants::cut(self.migrations(&select).await?, limit, |one| {
            Cursor::new(TAG, NO_TENANT, one.tenant_id)
        }))
    }

    /// What stands in the way of bringing this tenant up by itself, if anything does.
    fn check_migration(&self, tenant: &tenant::Model) -> Result<(), Error> {
        let why = if tenant.status == TenantStatus::Provisioning {
            "the tenant is being made, and gets the newest version with that"
        } else if tenant.isolation == Isolation::Shared {
            "the tenant shares its tables with others: `tenantry migrate` brings those up"
        } else if !self.database.store(tenant.datastore.as_deref())?.has_owner() {
            "this process has no DATABASE_OWNER_URL, so it can migrate nothing: run `tenantry migrate`"
        } else {
            return Ok(());
        };
        Err(Error::NotPossible(why.to_owned()))
    }

    async fn bring_up(&self, tenant: &tenant::Model) -> Result<(), Error> {
        migrate::bring_up_tenant(self.database, tenant, &mut None).await.map_err(not_now)?;
        let detail = json!({ "from": tenant.schema_version, "to": TENANT.newest() });
        self.audit_record(AuditEntry { action: "tenant.migrate", tenant_id: Some(tenant.id), detail }).await
    }

    async fn migration_of(&self, id: Uuid) -> Result<Option<TenantMigration>, Error> {
        let mut select = ledger();
        select.and_where(Expr::col((tenant_version::Entity, tenant_version::Column::TenantId)).eq(id));
        Ok(self.migrations(&select).await?.into_iter().next())
    }

    async fn migrations(&self, select: &SelectStatement) -> Result<Vec<TenantMigration>, Error> {
        let rows = self.fetch(select).await?;
        rows.iter().map(|row| TenantMigration::from_query_result(row, "").map_err(internal)).collect()
    }
}

/// Every row of the ledger, with the tenant's slug.
fn ledger() -> SelectStatement {
    let columns = tenant_version::Column::iter().map(|column| (tenant_version::Entity, column));
    let same = Expr::col((tenant::Entity, tenant::Column::Id))
        .equals((tenant_version::Entity, tenant_version::Column::TenantId));
    Query::select()
        .columns(columns)
        .column((tenant::Entity, tenant::Column::Slug))
        .from(tenant_version::Entity)
        .inner_join(tenant::Entity, same)
        .take()
}

/// What the tables themselves object to is repaired by somebody, and not by trying again.
fn not_now(error: Error) -> Error {
    match error {
        Error::Busy | Error::Timeout | Error::Unavailable(_) | Error::NotPossible(_) => error,
        other => {
            tracing::warn!(error = %other, "a tenant's tables cannot be brought up");
            Error::NotPossible(format!("its tables cannot be brought up: {}", told_outside(&other.to_string())))
        }
    }
}
