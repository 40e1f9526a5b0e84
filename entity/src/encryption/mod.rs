//! Encryption at rest: texts of marked columns are sealed before they become values of a statement, and opened when rows
//! become models.
//!
//! Three keys in a row, of which the database holds none in the clear:
//!
//! * the *master key* is given from outside, and known to a [`KeyProvider`] only;
//! * each tenant has *data keys*, in versions, wrapped by the master key in the catalog's `data_keys`. The newest seals;
//! * a sealed text says with which version. What it belongs to (tenant, table, column, row, version) is authenticated with
//!   it: anywhere else it does not open.
//!
//! A column is marked in one place, `Mapped::SEALED`. Without a master key, texts are stored as they are.

mod catalog;
mod check;
mod key;
mod keyring;
mod provider;
mod resealing;
mod rewrap;
mod rotation;
mod stored;

pub(crate) use catalog::{count, deletion};
pub(crate) use check::{check, doubt};
pub(crate) use key::{DataKey, KeyBytes, Slot};
pub(crate) use keyring::Keyring;
pub(crate) use provider::{EnvironmentKey, FileKey, KeyProvider, Ring};
#[cfg(test)]
pub(crate) use resealing::count_others;
pub(crate) use resealing::{open_samples, plain_rows};
pub(crate) use rotation::Rotation;
pub(crate) use stored::{Stored, is_plain};
