//! The tables as SeaORM entities. Private: what leaves the crate are their models (as [`User`](crate::User), ...), the
//! columns to filter and order by, and the values to insert and change.

pub(crate) mod audit;
#[expect(unreachable_pub, reason = "the entity derive asks for public types")]
pub(crate) mod data_key;
#[expect(unreachable_pub, reason = "the entity derive asks for public types")]
pub(crate) mod domain;
pub(crate) mod idempotency;
pub(crate) mod operation;
pub(crate) mod post;
#[expect(unreachable_pub, reason = "the entity derive asks for public types")]
pub(crate) mod slug;
pub(crate) mod tenant;
#[expect(unreachable_pub, reason = "the entity derive asks for public types")]
pub(crate) mod tenant_version;
#[expect(unreachable_pub, reason = "the entity derive asks for public types")]
pub(crate) mod usage_hour;
pub(crate) mod user;
