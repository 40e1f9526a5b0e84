//! Schemas of the data crate's words, which it does not describe itself.
//!
//! For `#[schema(schema_with = words::role)]` and `#[param(schema_with = words::role)]`.

use entity::{Contents, Isolation, OperationKind, Outcome, Role, TenantStatus, WorkState};
use utoipa::openapi::{Object, ObjectBuilder, Type};

/// What a member may do inside its tenant.
pub fn role() -> Object {
    let description = "`viewer` reads, `member` also writes its own posts, `admin` does everything inside the tenant.";
    one_of(description, Role::ALL.iter().map(|role| role.as_str()))
}

/// Where a tenant stands in its life.
pub fn tenant_status() -> Object {
    let description = "Where a tenant stands in its life; only an `active` one is served.";
    one_of(description, TenantStatus::ALL.iter().map(|status| status.as_str()))
}

/// Where a tenant's rows live.
pub fn isolation() -> Object {
    let description = "Where a tenant's rows live: in shared tables, in a PostgreSQL schema or in a database of its own \
                       (on SQLite: a file of its own).";
    one_of(description, Isolation::ALL.iter().map(|isolation| isolation.as_str()))
}

/// How an export has sealed contents.
pub fn contents() -> Object {
    let description = "`plain`: whoever has the export can read it; `sealed`: whoever has the master key.";
    one_of(description, Contents::ALL.iter().map(|contents| contents.as_str()))
}

/// What long work does.
pub fn operation_kind() -> Object {
    let description =
        "What is done: `move`, `import`, `purge`, `rotate` (a new data key) or `encrypt` (rows sealed that were not).";
    one_of(description, OperationKind::ALL.iter().map(|kind| kind.as_str()))
}

/// How far long work is.
pub fn work_state() -> Object {
    let description = "How far it is: `running` has not ended, `done` ended well, `failed` did not: \
                       a move or an import that failed has changed nothing.";
    one_of(description, WorkState::ALL.iter().map(|state| state.as_str()))
}

/// How something that the platform wanted ended.
pub fn outcome() -> Object {
    let description = "How it ended: `done`, `refused` (an answer of 4xx) or `failed` (an answer of 5xx, or long work that \
                       did not come to its end).";
    one_of(description, Outcome::ALL.iter().map(|outcome| outcome.as_str()))
}

fn one_of(description: &str, words: impl Iterator<Item = &'static str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description)).enum_values(Some(words)).build()
}
