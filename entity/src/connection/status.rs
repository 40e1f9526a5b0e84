//! What is told of pools.

use uuid::Uuid;

use super::pool::{Pool, Scaling, Use};

/// How full a pool is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    /// The server's name; none for the first one.
    pub datastore: Option<String>,
    /// The tenant whose own database it is for; none for one that tenants share.
    pub tenant: Option<Uuid>,
    /// Whose connections: `serving`, `platform`, or `writing` to an SQLite file.
    pub role: &'static str,
    /// Connections that are open.
    pub size: usize,
    /// Of these, lent out.
    pub in_use: usize,
    /// Requests that wait for one.
    pub waiting: usize,
    /// To how many connections it may grow at present.
    pub limit: usize,
    /// What the limit shrinks to.
    pub min: usize,
    /// What the limit may grow to.
    pub max: usize,
    /// The last change of the limit.
    pub last_scaling: Option<Scaling>,
}

/// How much of the budget is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetStatus {
    /// Most connections, all pools together.
    pub limit: usize,
    /// Connections that are open, or are being opened or closed.
    pub open: usize,
    /// Who waits for one to be closed elsewhere.
    pub waiting: usize,
}

impl PoolStatus {
    pub(super) fn of(pool: &Pool, (min, max): (usize, usize)) -> Self {
        let size = pool.size();
        Self {
            datastore: pool.key.store.as_deref().map(str::to_owned),
            tenant: pool.key.tenant,
            role: match pool.key.purpose {
                Use::Serving => "serving",
                Use::Writing => "writing",
                Use::Platform => "platform",
            },
            size,
            in_use: pool.line.in_use().min(size),
            waiting: pool.line.asking(),
            limit: pool.line.limit(),
            min,
            max,
            last_scaling: pool.last_scaling(),
        }
    }
}
