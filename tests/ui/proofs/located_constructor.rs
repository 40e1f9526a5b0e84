//! Makes a located tenant of a row by the constructor.
//!
//! Must fail: the constructor is private to the data crate.

use entity::{Located, Tenant};

pub fn constructed(tenant: Tenant) -> Located {
    Located(tenant)
}
