//! Makes a cursor for a tenant and a list of one's choice.
//!
//! Must fail: only lists make cursors, and only scopes and the platform's door read them.

use entity::{Cursor, Post, TenantScoped};
use uuid::Uuid;

pub fn new(tenant: Uuid, id: Uuid) -> Cursor {
    Cursor::new(b'p', tenant, id)
}

pub fn read(text: &str, tenant: Uuid) {
    Cursor::parse(text, b'p', tenant);
}

pub fn parsed(text: &str) -> Cursor {
    text.parse().unwrap()
}

pub fn from_body(body: &str) -> Cursor {
    serde_json::from_str(body).unwrap()
}

pub fn default() -> Cursor {
    Cursor::default()
}

pub fn from_id(posts: TenantScoped<Post>, id: Uuid) -> Cursor {
    posts.cursor_at(id)
}
