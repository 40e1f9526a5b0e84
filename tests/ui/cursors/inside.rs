//! Reads or changes what a cursor holds.
//!
//! Must fail: it is opaque.

use entity::Cursor;
use uuid::Uuid;

pub fn tenant(cursor: Cursor) -> Uuid {
    cursor.tenant
}

pub fn changed(mut cursor: Cursor, other: Uuid) {
    cursor.tenant = other;
}

pub fn id(cursor: Cursor) -> Uuid {
    cursor.id()
}
