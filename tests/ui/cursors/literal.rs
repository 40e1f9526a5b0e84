//! Writes a cursor down, or changes the tenant of a real one.
//!
//! Must fail: its fields are private to the data crate.

use entity::Cursor;
use uuid::Uuid;

pub fn literal(tenant: Uuid, id: Uuid) -> Cursor {
    Cursor { list: b'p', tenant, id }
}

pub fn redirected(cursor: Cursor, tenant: Uuid) -> Cursor {
    Cursor { tenant, ..cursor }
}
