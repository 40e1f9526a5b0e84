//! Tallies, compared with what there is.

use sea_orm::{DbBackend, Statement};
use serde_json::json;
use std::time::{Duration, Instant};
use uuid::Uuid;

use super::counted::Tallied;
use super::pending::{Amount, Amounts, CORRECTIONS, LIMITED, SLOTS, SUMS, adding, literal, read, read_from};
use crate::connection::{Access, Binding, Lease};
use crate::entities::tenant;
use crate::error::{Error, Keys};
use crate::owner::TenantLock;
use crate::place::Place;
use crate::platform::{AuditEntry, Platform};
use crate::rows::Rows;

/// How long to wait for whoever else works on the tenant.
const OTHERS: Duration = Duration::from_secs(10);

/// What a recount found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recounted {
    /// Rows by which the tally was too low, all tables together.
    pub rows: i64,
    /// Bytes by which it was too low.
    pub bytes: i64,
    /// Whether anything was wrong at all.
    pub was_off: bool,
}

impl Platform<'_> {
    /// Counts a tenant's rows and bytes, and corrects its tally if it is off. The tenant may write meanwhile.
    pub async fn tenant_recount(&self, tenant: &tenant::Model) -> Result<Recounted, Error> {
        let _alone = TenantLock::take(self.database(), tenant.id, OTHERS, &mut None).await?;
        let place = self.database().place_of(tenant)?;
        let off = off(&place, tenant.id).await?;
        let recounted = recounted(&off);
        if recounted.was_off {
            add(&place, tenant.id, CORRECTIONS, &off).await?;
            let detail = json!({ "rows": recounted.rows, "bytes": recounted.bytes });
            let entry = AuditEntry { action: "tenant.recount", tenant_id: Some(tenant.id), detail };
            self.audit_record(entry).await?;
        }
        Ok(recounted)
    }
}

fn recounted([users, posts]: &Amounts) -> Recounted {
    let off = [*users, *posts] != Amounts::default();
    Recounted { rows: users.rows + posts.rows, bytes: users.bytes + posts.bytes, was_off: off }
}

/// By how much a tenant's tally is too low.
pub(crate) async fn deviation(place: &Place, tenant: Uuid) -> Result<Recounted, Error> {
    off(place, tenant).await.map(|off| recounted(&off))
}

/// The same by table, at one moment: every write changes rows and tally together, so no other write matters.
async fn off(place: &Place, tenant: Uuid) -> Result<Amounts, Error> {
    let mut lease = Lease::begin(place, Access::Snapshot, Binding::Mover(tenant)).await?;
    let statement = Statement::from_string(lease.backend(), counting_and_summing(lease.backend(), tenant));
    let rows = lease.rows(statement, Keys::default()).await?;
    lease.commit().await?;
    let row = rows.first().ok_or_else(|| Error::Internal("a count without a row".to_owned()))?;
    let (counted, tally) = (read(row)?, read_from(row, 4)?);
    Ok(std::array::from_fn(|table| Amount {
        rows: counted[table].rows - tally[table].rows,
        bytes: counted[table].bytes - tally[table].bytes,
    }))
}

/// Adds to a slot that lets nobody in: this looks at no fence.
async fn add(place: &Place, tenant: Uuid, slot: i64, amounts: &Amounts) -> Result<(), Error> {
    debug_assert!(slot <= LIMITED, "a slot that says that the tenant is here");
    let mut lease = Lease::begin(place, Access::Write, Binding::Mover(tenant)).await?;
    let sql = adding(lease.backend(), tenant, slot, amounts);
    lease.run(&sql).await?;
    lease.commit().await
}

/// Counts each table, and reads the tally beside.
fn counting_and_summing(backend: DbBackend, tenant: Uuid) -> String {
    let id = literal(backend, tenant);
    let counts = Tallied::ALL.map(|tallied| {
        let table = tallied.table();
        format!(
            "(SELECT count(*) FROM {table} WHERE tenant_id = {id}),
             (SELECT CAST(coalesce(sum(bytes), 0) AS bigint) FROM {table} WHERE tenant_id = {id})"
        )
    });
    format!("SELECT {}, {SUMS} FROM tallies WHERE tenant_id = {id}", counts.join(", "))
}

impl Rows<'_> {
    /// Takes the tally over from where the rows were carried from.
    pub(crate) async fn carry_tally(&self, source: &Rows<'_>) -> Result<(), Error> {
        let mut lease = source.begin(Access::Read).await?;
        let sql = super::pending::summing(lease.backend(), source.tenant());
        let rows = lease.rows(Statement::from_string(lease.backend(), sql), Keys::default()).await?;
        lease.commit().await?;
        let sum = rows.first().map(read).transpose()?.unwrap_or_default();
        self.drop_tally().await?;
        add(self.place(), self.tenant(), LIMITED, &sum).await
    }

    /// Makes the tally of rows that were carried here by other means.
    pub(crate) async fn make_tally(&self) -> Result<(), Error> {
        let off = off(self.place(), self.tenant()).await?;
        add(self.place(), self.tenant(), LIMITED, &off).await
    }

    /// Makes statements that stand alone look at the fence again. Waits until then for those that hold a slot.
    pub(crate) async fn close_slots(&self, until: Instant) -> Result<(), Error> {
        // Those of inserts first, by themselves: an insert that has one may wait for a row (that of its author, whose email somebody
        // changes, and a key could refer to that), and whoever has the row for a slot of the others.
        for slots in [format!("> {SLOTS}"), format!("BETWEEN 1 AND {SLOTS}")] {
            let mut lease = self.begin(Access::Write).await?;
            let closed = close(&mut lease, self.tenant(), &slots, until).await;
            if closed.is_err() {
                lease.roll_back().await;
            }
            closed?;
            lease.commit().await?;
        }
        Ok(())
    }

    /// Nothing of the tally is left.
    pub(crate) async fn drop_tally(&self) -> Result<(), Error> {
        let mut lease = self.begin(Access::Write).await?;
        let sql = format!("DELETE FROM tallies WHERE tenant_id = {}", literal(lease.backend(), self.tenant()));
        lease.run(&sql).await?;
        lease.commit().await
    }
}

/// Adds what is in these slots to the one of limited writes, and removes them.
async fn close(lease: &mut Lease, tenant: Uuid, slots: &str, until: Instant) -> Result<(), Error> {
    let backend = lease.backend();
    // Nought would be for ever.
    let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)).as_millis();
    lease.run(&format!("SET LOCAL statement_timeout = {left}")).await?;
    let sql = format!(
        "DELETE FROM tallies WHERE tenant_id = {} AND slot {slots} RETURNING users_rows, users_bytes, posts_rows, posts_bytes",
        literal(backend, tenant)
    );
    let closed = lease.rows(Statement::from_string(backend, sql), Keys::default()).await?;
    let mut sum = Amounts::default();
    for row in &closed {
        sum.iter_mut().zip(read(row)?).for_each(|(sum, more)| *sum += more);
    }
    if closed.is_empty() { Ok(()) } else { lease.run(&adding(backend, tenant, LIMITED, &sum)).await }
}
