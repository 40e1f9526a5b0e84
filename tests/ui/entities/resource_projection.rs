//! Asks the public `Resource` for the entity behind it.
//!
//! Must fail: it has none. What ties a resource to its entity is a trait that is private to the data crate.

use entity::{Insertable, Resource, User};

pub fn entity() -> <User as Resource>::Entity {
    unreachable!()
}

pub fn active_model() -> <User as Insertable>::ActiveModel {
    unreachable!()
}
