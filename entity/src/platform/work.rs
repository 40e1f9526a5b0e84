//! One change of the catalog, written down in the same transaction.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryTrait};
use uuid::Uuid;

use super::tenants::first;
use super::{AuditEntry, KEYS, Platform};
use crate::connection::Lease;
use crate::entities::{domain, operation, slug, tenant};
use crate::error::Error;
use crate::operations::{Record, is_being_purged};

/// One change of the catalog, with its audit entry.
pub(super) struct Work<'p> {
    platform: &'p Platform<'p>,
    lease: Lease,
}

impl<'p> Work<'p> {
    pub(super) async fn begin(platform: &'p Platform<'p>) -> Result<Self, Error> {
        Ok(Self { platform, lease: platform.begin().await? })
    }

    /// Runs a statement that returns a tenant's row.
    pub(super) async fn tenant(
        &mut self,
        statement: &impl sea_orm::StatementBuilder,
    ) -> Result<Option<tenant::Model>, Error> {
        let rows = self.lease.rows(self.platform.build(statement), KEYS).await;
        first(&self.undone_if_failed(rows).await?)
    }

    /// Makes the slug this tenant's for good: refused if another tenant has it or ever had it.
    pub(super) async fn take_slug(&mut self, tenant: Uuid, slug: &str) -> Result<(), Error> {
        let mut own = OnConflict::column(slug::Column::Slug);
        own.update_column(slug::Column::TenantId).action_and_where(slug::Column::TenantId.eq(tenant));
        let row = slug::ActiveModel { slug: Set(slug.to_owned()), tenant_id: Set(tenant) };
        let mut insert = slug::Entity::insert(row).into_query();
        insert.on_conflict(own);
        let sent = self.lease.affected(self.platform.build(&insert), KEYS).await;
        if self.undone_if_failed(sent).await? == 0 {
            self.lease.roll_back().await;
            return Err(Error::Conflict { field: Some("slug") });
        }
        Ok(())
    }

    /// Writes down that an operation begins with this change.
    pub(super) async fn begin_operation(&mut self, operation: &operation::Model) -> Result<(), Error> {
        Record::insert(&mut self.lease, operation).await
    }

    /// Whether the tenant, whose row this change holds, is being purged.
    pub(super) async fn is_being_purged(&mut self, tenant: Uuid) -> Result<bool, Error> {
        let asked = is_being_purged(&mut self.lease, tenant).await;
        self.undone_if_failed(asked).await
    }

    /// Makes the domains this tenant's.
    pub(super) async fn take_domains(&mut self, tenant: Uuid, domains: &[String]) -> Result<(), Error> {
        if domains.is_empty() {
            return Ok(());
        }
        let rows =
            domains.iter().map(|domain| domain::ActiveModel { domain: Set(domain.clone()), tenant_id: Set(tenant) });
        let insert = domain::Entity::insert_many(rows).into_query();
        let sent = self.lease.affected(self.platform.build(&insert), KEYS).await;
        self.undone_if_failed(sent).await.map(|_| ())
    }

    /// Makes the tenant's domains nobody's.
    pub(super) async fn give_up_domains(&mut self, tenant: Uuid) -> Result<(), Error> {
        let delete = domain::Entity::delete_many().filter(domain::Column::TenantId.eq(tenant)).into_query();
        let sent = self.lease.affected(self.platform.build(&delete), KEYS).await;
        self.undone_if_failed(sent).await.map(|_| ())
    }

    /// Undoes it all.
    pub(super) async fn give_up(mut self) {
        self.lease.roll_back().await;
    }

    pub(super) async fn finish(
        mut self,
        action: &'static str,
        tenant: Uuid,
        detail: serde_json::Value,
    ) -> Result<(), Error> {
        let entry = AuditEntry { action, tenant_id: Some(tenant), detail };
        self.platform.write_down(&mut self.lease, entry).await?;
        self.lease.commit().await
    }

    /// A taken slug must not cost a connection.
    async fn undone_if_failed<T>(&mut self, sent: Result<T, Error>) -> Result<T, Error> {
        if sent.is_err() {
            self.lease.roll_back().await;
        }
        sent
    }
}
