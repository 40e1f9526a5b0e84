//! The audit log: written with every change and for every one that was refused, read newest first.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Order;
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QueryTrait};
use serde_json::Value;
use uuid::Uuid;

use super::{KEYS, NO_TENANT, Platform};
use crate::connection::Lease;
use crate::cursor::Cursor;
use crate::entities::audit;
use crate::error::{Error, internal};
use crate::resource::now;
use crate::scoped::Slice;
use crate::vocabulary::Outcome;

/// Tells the audit log's cursors from others'.
pub(super) const TAG: u8 = b'a';

/// How far an entry's id and its time may be apart.
const CLOSE: TimeDelta = TimeDelta::seconds(1);

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
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// At this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub to: Option<DateTime<Utc>>,
}

impl Platform<'_> {
    /// Writes down something that was done by other means, such as the use of a tenant's data.
    pub async fn audit_record(&self, entry: AuditEntry) -> Result<(), Error> {
        self.audit_ended(entry.action, entry.tenant_id, entry.detail, Outcome::Done).await
    }

    /// Writes down how something ended that may not have been done.
    pub async fn audit_ended(
        &self,
        action: &str,
        tenant_id: Option<Uuid>,
        detail: Value,
        outcome: Outcome,
    ) -> Result<(), Error> {
        let insert = audit::Entity::insert(self.audit_row(action, tenant_id, detail, outcome)).into_query();
        let mut lease = self.begin().await?;
        lease.affected(self.build(&insert), KEYS).await?;
        lease.commit().await
    }

    /// Entries after the cursor, newest first.
    pub async fn audit_list(
        &self,
        query: AuditQuery,
        after: Option<Cursor>,
        limit: u64,
    ) -> Result<Slice<audit::Model>, Error> {
        let after = after.map(|cursor| cursor.check(TAG, NO_TENANT)).transpose()?;
        let mut select = audit::Entity::find()
            .apply_if(query.tenant_id, |find, tenant| find.filter(audit::Column::TenantId.eq(tenant)))
            .apply_if(query.actor, |find, actor| find.filter(audit::Column::Actor.eq(actor)))
            .apply_if(query.action, |find, action| find.filter(audit::Column::Action.eq(action)))
            .apply_if(query.outcome, |find, outcome| find.filter(audit::Column::Outcome.eq(outcome.as_str())))
            .apply_if(query.from, |find, from| find.filter(since(from)))
            .apply_if(query.to, |find, to| find.filter(until(to)))
            .apply_if(after, |find, cursor| find.filter(audit::Column::Id.lt(cursor.id())))
            .into_query();
        select.order_by(audit::Column::Id, Order::Desc).limit(limit.saturating_add(1));
        let rows = self.fetch(&select).await?;
        let entries = rows.iter().map(|row| audit::Model::from_query_result(row, "").map_err(internal));
        Ok(super::tenants::cut(entries.collect::<Result<_, _>>()?, limit, |entry| {
            Cursor::new(TAG, NO_TENANT, entry.id)
        }))
    }

    /// Writes an entry in the transaction of what it tells of.
    pub(crate) async fn write_down(&self, lease: &mut Lease, entry: AuditEntry) -> Result<(), Error> {
        self.write_down_ended(lease, entry, Outcome::Done).await
    }

    /// The same of something that may not have been done.
    pub(crate) async fn write_down_ended(
        &self,
        lease: &mut Lease,
        entry: AuditEntry,
        outcome: Outcome,
    ) -> Result<(), Error> {
        let row = self.audit_row(entry.action, entry.tenant_id, entry.detail, outcome);
        let insert = audit::Entity::insert(row).into_query();
        lease.affected(self.build(&insert), KEYS).await.map(|_| ())
    }

    fn audit_row(&self, action: &str, tenant_id: Option<Uuid>, detail: Value, outcome: Outcome) -> audit::ActiveModel {
        let origin = self.admin.origin();
        audit::ActiveModel {
            id: Set(Uuid::now_v7()),
            at: Set(now()),
            actor: Set(self.admin.operator().to_owned()),
            action: Set(action.to_owned()),
            origin: Set(Some(origin.place.clone())),
            request_id: Set(origin.request_id.clone()),
            outcome: Set(outcome),
            tenant_id: Set(tenant_id),
            detail: Set(detail),
        }
    }
}

/// The entries that are not older than this. The list is in the order of ids, which are made a moment before or after: so the
/// bound on ids spares reading the others, and the time decides.
fn since(at: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(audit::Column::Id.gte(first_id(at.checked_sub_signed(CLOSE).unwrap_or(at))))
        .add(audit::Column::At.gte(at))
}

/// The entries that are older than this.
fn until(at: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(audit::Column::Id.lt(first_id(at.checked_add_signed(CLOSE).unwrap_or(at))))
        .add(audit::Column::At.lt(at))
}

/// The smallest id that is made at this moment. Ids tell the 48 bits of milliseconds since 1970.
fn first_id(at: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0).min((1 << 48) - 1);
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}
