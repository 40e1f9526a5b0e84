//! Changes a row's id or version, by which others find it and see that it changed.
//!
//! Must fail: changes have no field for them.

use entity::{PostChanges, UserChanges};
use uuid::Uuid;

pub fn id(other: Uuid) -> UserChanges {
    UserChanges { id: Some(other), ..UserChanges::default() }
}

pub fn version() -> PostChanges {
    PostChanges { version: Some(1), ..PostChanges::default() }
}
