//! Connections: opened within one budget, pooled, lent out for one transaction at a time.
//!
//! Everything that reaches a database as the serving or the platform role goes through [`Lease`]: it binds the tenant to a
//! transaction, sends statements and ends the transaction; or it sends one statement that binds the tenant itself. A lease that is
//! dropped half-way closes its connection, so nothing of it can be inherited. DDL is run on connections of the owner's own, which
//! are in no pool.

mod balance;
mod binding;
mod budget;
mod connections;
mod drivers;
mod gate;
mod lease;
mod line;
mod opened;
mod opening;
mod pool;
mod raw;
mod sessions;
mod status;
mod terms;
mod watch;

pub(crate) use binding::{Access, Binding};
pub(crate) use connections::Connections;
pub(crate) use drivers::drive_here;
pub(crate) use gate::Asker;
pub(crate) use lease::{Begun, Lease, Standing};
pub(crate) use opened::Opened;
#[cfg(test)]
pub(crate) use opening::CREATE;
pub use pool::Scaling;
pub(crate) use pool::{PoolKey, Pooled, Use};
pub(crate) use raw::{Connection, Source};
pub(crate) use sessions::Sessions;
pub use status::{BudgetStatus, PoolStatus};
pub(crate) use terms::Terms;
pub use terms::{Observed, Observer};
