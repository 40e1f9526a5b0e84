//! What tenants use: counted in memory as it happens, added to the catalog's hours every few seconds.
//!
//! A request adds to its tenant's counters, which are atomic: no statement, and no lock that all tenants share. Whoever writes
//! takes what has been counted since and adds it to the hour in the catalog, so several processes add up, and one that
//! dies loses what it had not written yet.

mod counters;
mod hours;

pub(crate) use counters::Counters;
pub use counters::{Counts, Usage};
pub use hours::{UsageHour, UsageQuery};
