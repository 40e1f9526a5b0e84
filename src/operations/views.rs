//! What an operation looks like.

use chrono::{DateTime, Utc};
use entity::{Isolation, Location, Operation, OperationKind, Progress, TableSum, WorkState, told_outside};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::http::time::{micros, micros_if_any};
use crate::openapi::words;

/// Long work on one tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Operation)]
pub struct OperationView {
    id: Uuid,
    #[schema(schema_with = words::operation_kind)]
    kind: OperationKind,
    tenant_id: Uuid,
    #[schema(schema_with = words::work_state)]
    status: WorkState,
    /// What it is at: of a move, `preparing`, `making`, `copying`, `holding` (writes are held), `cleaning`, `reverting` or `ended`; of a new data
    /// key, `preparing`, `sealing`, `waiting` (until no process uses the old one), `checking` or `ended`.
    #[schema(example = "copying")]
    phase: String,
    /// Where the tenant is, or was.
    source: PlaceView,
    /// Where it is to be, or is.
    target: PlaceView,
    progress: ProgressView,
    /// Why it failed, or what it waits for.
    #[schema(required)]
    error: Option<String>,
    /// Who asked for it.
    actor: String,
    #[serde(serialize_with = "micros")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "micros")]
    updated_at: DateTime<Utc>,
    #[serde(serialize_with = "micros_if_any")]
    #[schema(required)]
    ended_at: Option<DateTime<Utc>>,
}

/// Where a tenant's rows are.
#[derive(Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Place)]
pub struct PlaceView {
    #[schema(schema_with = words::isolation)]
    pub(crate) isolation: Isolation,
    /// The further database server, if not the first.
    #[serde(default)]
    pub(crate) datastore: Option<String>,
}

/// How far it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Progress)]
struct ProgressView {
    /// Rows that were there, or were to be sealed, when it began.
    #[schema(minimum = 0)]
    rows: u64,
    /// Rows that have been written to the target, those that changed meanwhile again; or sealed again.
    #[schema(minimum = 0)]
    copied: u64,
    /// Rows that were compared and found the same.
    #[schema(minimum = 0)]
    compared: u64,
    /// For how many milliseconds writes were held.
    #[schema(minimum = 0)]
    held_ms: u64,
    /// Each table as it was found on both sides.
    tables: Vec<TableSumView>,
}

/// A table's rows, counted and summed up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TableSum)]
struct TableSumView {
    #[schema(example = "posts")]
    table: String,
    #[schema(minimum = 0)]
    rows: u64,
    /// SHA-256 over the sums of all rows, a thousand at a time in the order of their ids.
    sha256: String,
}

impl From<Operation> for OperationView {
    fn from(operation: Operation) -> Self {
        Self {
            id: operation.id,
            kind: operation.kind,
            tenant_id: operation.tenant_id,
            status: operation.state,
            phase: operation.phase,
            source: operation.source.into(),
            target: operation.target.into(),
            progress: operation.progress.into(),
            error: operation.error.map(|error| told_outside(&error).to_owned()),
            actor: operation.actor,
            created_at: operation.created_at,
            updated_at: operation.updated_at,
            ended_at: operation.ended_at,
        }
    }
}

impl From<Location> for PlaceView {
    fn from(location: Location) -> Self {
        Self { isolation: location.isolation, datastore: location.datastore }
    }
}

impl From<PlaceView> for Location {
    fn from(place: PlaceView) -> Self {
        Self { isolation: place.isolation, datastore: place.datastore }
    }
}

impl From<Progress> for ProgressView {
    fn from(progress: Progress) -> Self {
        let Progress { rows, copied, compared, held_ms, tables } = progress;
        Self { rows, copied, compared, held_ms, tables: tables.into_iter().map(Into::into).collect() }
    }
}

impl From<TableSum> for TableSumView {
    fn from(sum: TableSum) -> Self {
        Self { table: sum.table, rows: sum.rows, sha256: sum.sha256 }
    }
}
