//! Gives a type of the data crate another implementation, such as a tenant that can be inserted.
//!
//! Must fail: neither the trait nor the type is the application's.

use entity::{Insertable, Resource, Tenant, User, UserChanges, UserColumn};

impl Insertable for Tenant {
    type New = ();
}

impl Resource for User {
    type Column = UserColumn;
    type Changes = UserChanges;
}

impl Default for entity::PlatformAdmin {
    fn default() -> Self {
        unreachable!()
    }
}
