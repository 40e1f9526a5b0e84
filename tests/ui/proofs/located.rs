//! Makes a located tenant of a row, which the gatekeeper would then admit.
//!
//! Must fail: the field is private to the data crate, and there is no conversion.

use entity::{Located, Tenant};

pub fn from_row(tenant: Tenant) -> Located {
    Located::from(tenant)
}

pub fn unlocked(mut located: Located, other: Tenant) -> Located {
    located.0 = other;
    located
}

pub fn from_body(body: &str) -> Located {
    serde_json::from_str(body).unwrap()
}
