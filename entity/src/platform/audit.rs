//! The audit log: written with every change, read newest first.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Order;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryTrait};
use serde_json::Value;
use uuid::Uuid;

use super::{KEYS, NO_TENANT, Platform};
use crate::connection::Lease;
use crate::cursor::Cursor;
use crate::entities::audit;
use crate::error::{Error, internal};
use crate::resource::now;
use crate::scoped::Slice;

/// Tells the audit log's cursors from others'.
pub(super) const TAG: u8 = b'a';

/// Something to write down.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// What was done: a word such as `tenant.access`.
    pub action: &'static str,
    /// To which tenant, if to one.
    pub tenant_id: Option<Uuid>,
    /// What else there is to know. No secrets, no rows of the tenant.
    pub detail: Value,
}

/// Which entries to list; `None` does not narrow.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Done to this tenant.
    pub tenant_id: Option<Uuid>,
    /// Done by this operator.
    pub actor: Option<String>,
    /// This action.
    pub action: Option<String>,
}

impl Platform<'_> {
    /// Writes down something that was done by other means, such as the use of a tenant's data.
    pub async fn audit_record(&self, entry: AuditEntry) -> Result<(), Error> {
        let mut lease = self.begin().await?;
        self.write_down(&mut lease, entry).await?;
        lease.commit().await
    }

    /// Entries after the cursor, newest first.
    pub async fn audit_list(
        &self,
        query: AuditQuery,
        after: Option<Cursor>,
        limit: u64,
    ) -> Result<Slice<audit::Model>, Error> {
        let mut find = audit::Entity::find();
        if let Some(tenant) = query.tenant_id {
            find = find.filter(audit::Column::TenantId.eq(tenant));
        }
        if let Some(actor) = query.actor {
            find = find.filter(audit::Column::Actor.eq(actor));
        }
        if let Some(action) = query.action {
            find = find.filter(audit::Column::Action.eq(action));
        }
        if let Some(cursor) = after {
            find = find.filter(audit::Column::Id.lt(cursor.check(TAG, NO_TENANT)?.id()));
        }
        let mut select = find.into_query();
        select.order_by(audit::Column::Id, Order::Desc).limit(limit.saturating_add(1));
        let rows = self.fetch(&select).await?;
        let entries = rows.iter().map(|row| audit::Model::from_query_result(row, "").map_err(internal));
        Ok(super::tenants::cut(entries.collect::<Result<_, _>>()?, limit, |entry| {
            Cursor::new(TAG, NO_TENANT, entry.id)
        }))
    }

    /// Writes an entry in the transaction of what it tells of.
    pub(crate) async fn write_down(&self, lease: &mut Lease, entry: AuditEntry) -> Result<(), Error> {
        let row = audit::ActiveModel {
            id: Set(Uuid::now_v7()),
            at: Set(now()),
            actor: Set(self.admin.operator().to_owned()),
            action: Set(entry.action.to_owned()),
            tenant_id: Set(entry.tenant_id),
            detail: Set(entry.detail),
        };
        let insert = audit::Entity::insert(row).into_query();
        lease.affected(self.build(&insert), KEYS).await.map(|_| ())
    }
}
