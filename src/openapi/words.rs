//! Schemas of the data crate's words, which it does not describe itself.
//!
//! For `#[schema(schema_with = words::role)]` and `#[param(schema_with = words::role)]`.

use entity::{Isolation, Role, TenantStatus};
use utoipa::openapi::{Object, ObjectBuilder, Type};

/// What a member may do inside its tenant.
pub fn role() -> Object {
    one_of(Role::ALL.iter().map(|role| role.as_str()))
}

/// Where a tenant stands in its life.
pub fn tenant_status() -> Object {
    one_of(TenantStatus::ALL.iter().map(|status| status.as_str()))
}

/// Where a tenant's rows live.
pub fn isolation() -> Object {
    one_of(Isolation::ALL.iter().map(|isolation| isolation.as_str()))
}

fn one_of(words: impl Iterator<Item = &'static str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()
}
