//! Connections: opened and pooled by deadpool, lent out for one transaction at a time.
//!
//! Everything that reaches a database goes through [`Lease`]: it binds the tenant to a transaction, sends statements and
//! ends the transaction. A lease that is dropped half-way closes its connection, so nothing of it can be inherited.

mod lease;
mod pool;
mod raw;

pub(crate) use lease::{Binding, Lease, Terms};
pub use lease::{Observed, Observer};
pub(crate) use pool::{Access, Pools};
pub(crate) use raw::{Connection, Source};
