//! Tallies: how many rows each tenant has, and how many bytes it stored in them, kept exactly by every write.
//!
//! What the statements of a transaction added is summed up beside it (`pending.rs`) and put down with its `COMMIT`, in the
//! same message: no round trip more. A tenant's tally is the sum of several rows (*slots*), of which a write adds to any one, so
//! that the writes of one tenant need not wait for each other. A write that takes the tenant nearer to a limit of its own
//! adds to the first slot instead, which lets one such write through at a time, and looks at the sum before it commits.

mod counted;
mod pending;
mod recount;
mod slot;
mod stored;

pub(crate) use counted::{Added, CHANGE, Counted, Dependents, Tallied};
pub(crate) use pending::{Pending, any_slot, any_slot_of_inserts};
pub use recount::Recounted;
pub(crate) use recount::deviation;
pub(crate) use slot::Adding;
pub use stored::{Stored, StoredByAll, TableSize};
