//! Makes the platform's door without the database.
//!
//! Must fail: its constructor is private to the data crate.

use entity::{Platform, PlatformAdmin};

pub fn new(admin: &PlatformAdmin) -> Platform<'_> {
    Platform::new(unreachable!(), admin)
}
