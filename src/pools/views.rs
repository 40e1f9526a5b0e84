//! What pools look like in answers.

use chrono::{DateTime, Utc};
use entity::{BudgetStatus, PoolStatus, Scaling};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::time::micros;

/// Every pool, and what they share.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Pools)]
pub struct PoolsView {
    /// The pools.
    pub(super) data: Vec<PoolView>,
    pub(super) budget: BudgetView,
}

/// A connection pool.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Pool)]
pub struct PoolView {
    /// The further database server that it is for, if not the first.
    #[schema(required)]
    datastore: Option<String>,
    /// The tenant whose own database it is for; `null` if tenants share it.
    #[schema(required)]
    tenant: Option<Uuid>,
    /// What its connections do: `serving`, `platform`, or `writing` to an SQLite file.
    #[schema(example = "serving")]
    role: &'static str,
    /// Connections that are open.
    size: usize,
    /// Of these, lent out.
    in_use: usize,
    /// Requests that wait for one.
    waiting: usize,
    /// What the limit shrinks to.
    min: usize,
    /// What the limit may grow to.
    max: usize,
    /// Most connections that are lent out at present.
    limit: usize,
    /// The last change of the limit.
    #[schema(required)]
    last_scaling: Option<ScalingView>,
}

/// A change of a pool's limit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Scaling)]
pub struct ScalingView {
    #[serde(serialize_with = "micros")]
    at: DateTime<Utc>,
    /// The limit before.
    from: usize,
    /// The limit after.
    to: usize,
}

/// The connections of the whole process.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionBudget)]
pub struct BudgetView {
    /// Most connections, all pools together.
    limit: usize,
    /// Connections that are open, or are being opened or closed.
    open: usize,
    /// Who waits for one to be closed elsewhere.
    waiting: usize,
}

impl From<PoolStatus> for PoolView {
    fn from(pool: PoolStatus) -> Self {
        Self {
            datastore: pool.datastore,
            tenant: pool.tenant,
            role: pool.role,
            size: pool.size,
            in_use: pool.in_use,
            waiting: pool.waiting,
            min: pool.min,
            max: pool.max,
            limit: pool.limit,
            last_scaling: pool.last_scaling.map(ScalingView::from),
        }
    }
}

impl From<Scaling> for ScalingView {
    fn from(scaling: Scaling) -> Self {
        let Scaling { at, from, to } = scaling;
        Self { at, from, to }
    }
}

impl From<BudgetStatus> for BudgetView {
    fn from(budget: BudgetStatus) -> Self {
        let BudgetStatus { limit, open, waiting } = budget;
        Self { limit, open, waiting }
    }
}
