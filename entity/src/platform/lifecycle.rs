//! Tenants moved from one state to another.

use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Expr, SimpleExpr};
use serde_json::json;
use uuid::Uuid;

use super::Platform;
use super::tenants::updating;
use super::work::Work;
use crate::entities::tenant;
use crate::error::Error;
use crate::gatekeeper::TenantName;
use crate::vocabulary::TenantStatus;

/// How often a change is tried again that another change came before.
const ATTEMPTS: usize = 20;

/// What became of a wish to change a tenant's state.
#[derive(Clone, Debug)]
pub enum Transition {
    /// It changed.
    Done(tenant::Model),
    /// It was in that state already.
    Already(tenant::Model),
    /// The state that it is in does not allow it.
    NotPossible(tenant::Model),
    /// There is no such tenant.
    Missing,
}

/// A change of state.
struct Turn {
    action: &'static str,
    from: &'static [TenantStatus],
    to: TenantStatus,
    /// The columns to set.
    set: Vec<(tenant::Column, SimpleExpr)>,
}

impl Platform<'_> {
    /// Refuses the tenant's requests from now on.
    pub async fn tenant_suspend(&self, id: Uuid) -> Result<Transition, Error> {
        let set = vec![status(TenantStatus::Suspended), (tenant::Column::Suspended, Expr::val(true))];
        let from = &[TenantStatus::Active];
        self.turn(id, Turn { action: "tenant.suspend", from, to: TenantStatus::Suspended, set }).await
    }

    /// Serves a suspended tenant again.
    pub async fn tenant_resume(&self, id: Uuid) -> Result<Transition, Error> {
        let set = vec![status(TenantStatus::Active), (tenant::Column::Suspended, Expr::val(false))];
        let from = &[TenantStatus::Suspended];
        self.turn(id, Turn { action: "tenant.resume", from, to: TenantStatus::Active, set }).await
    }

    /// Marks a tenant as deleted. Nothing is destroyed.
    pub async fn tenant_delete(&self, id: Uuid) -> Result<Transition, Error> {
        let from = &[TenantStatus::Active, TenantStatus::Suspended, TenantStatus::Provisioning];
        let set = vec![status(TenantStatus::Deleted)];
        self.turn(id, Turn { action: "tenant.delete", from, to: TenantStatus::Deleted, set }).await
    }

    /// Takes the deletion back, unless the tenant is being purged. A tenant that was suspended before is suspended again; one
    /// that was still being provisioned is gone on with.
    pub async fn tenant_restore(&self, id: Uuid) -> Result<Transition, Error> {
        let was = Expr::case(tenant::Column::SchemaVersion.eq(0), TenantStatus::Provisioning.as_str())
            .case(tenant::Column::Suspended.eq(true), TenantStatus::Suspended.as_str());
        let set = vec![(tenant::Column::Status, was.finally(TenantStatus::Active.as_str()).into())];
        let from = &[TenantStatus::Deleted];
        self.turn(id, Turn { action: "tenant.restore", from, to: TenantStatus::Active, set }).await
    }

    async fn turn(&self, id: Uuid, turn: Turn) -> Result<Transition, Error> {
        for _ in 0..ATTEMPTS {
            let mut update = updating(id);
            update
                .values(turn.set.iter().cloned())
                .and_where(tenant::Column::Status.is_in(turn.from.iter().map(|status| status.as_str())));
            let mut work = Work::begin(self).await?;
            if let Some(tenant) = work.tenant(&update).await? {
                // A purge begins with a deleted tenant and does not end with another one.
                if turn.from.contains(&TenantStatus::Deleted) && work.is_being_purged(id).await? {
                    work.give_up().await;
                    return Err(Error::NotPossible("the tenant is being purged".to_owned()));
                }
                work.finish(turn.action, id, json!({})).await?;
                return Ok(Transition::Done(tenant));
            }
            work.give_up().await;
            match self.tenant_find(&TenantName::Id(id)).await? {
                None => return Ok(Transition::Missing),
                Some(tenant) if tenant.status == turn.to => return Ok(Transition::Already(tenant)),
                // Between the two statements somebody else brought it where this change starts from.
                Some(tenant) if turn.from.contains(&tenant.status) => {}
                Some(tenant) => return Ok(Transition::NotPossible(tenant)),
            }
        }
        Err(Error::Busy)
    }
}

fn status(status: TenantStatus) -> (tenant::Column, SimpleExpr) {
    (tenant::Column::Status, Expr::val(status.as_str()))
}
