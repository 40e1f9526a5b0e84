//! Which tenant a request names, and what tenants may be called.

pub mod path;
pub mod slug;
pub(crate) mod sources;
