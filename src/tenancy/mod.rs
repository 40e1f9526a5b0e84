//! Which tenant a request names, and what tenants may be called.

use entity::TenantName;

pub mod path;
pub mod slug;
pub(crate) mod sources;

/// The tenant's name in a text; `None` if no tenant can have it, so that the database need not be asked.
pub(crate) fn named(text: &str) -> Option<TenantName> {
    let possible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    possible.then(|| TenantName::parse(text))
}
