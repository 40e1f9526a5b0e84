//! Writes down the proof that somebody is of the platform.
//!
//! Must fail: the field is private to the data crate.

use entity::PlatformAdmin;

pub fn literal() -> PlatformAdmin {
    PlatformAdmin { operator: "ops".to_owned() }
}
