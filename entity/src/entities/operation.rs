//! `operations`: long work on one tenant, which outlives the process that does it.

use chrono::{DateTime, Utc};
use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::vocabulary::{Isolation, OperationKind, WorkState};

/// Long work on one tenant.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "operations")]
pub struct Model {
    /// UUIDv7: newer operations have greater ids.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// On whom.
    pub tenant_id: Uuid,
    /// What it does.
    pub kind: OperationKind,
    /// How far it is.
    pub state: WorkState,
    /// What is being done: `preparing`, `making`, `copying`, `holding`, `cleaning`, `reverting`, `ended`;
    /// `sealing`, `waiting`, `checking`.
    pub phase: String,
    /// Where the tenant is, or was.
    pub source: Location,
    /// Where it is to be, or is.
    pub target: Location,
    /// What has been done so far.
    pub progress: Progress,
    /// Why it failed.
    pub error: Option<String>,
    /// Who asked for it.
    pub actor: String,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When something last happened.
    pub updated_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Where a tenant's rows are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Location {
    /// How they are kept apart from others'.
    pub isolation: Isolation,
    /// On which further server, if not the first.
    pub datastore: Option<String>,
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Progress {
    /// Rows that were there, or were to be sealed, when it began.
    pub rows: u64,
    /// Rows that have been written to the target, those changed meanwhile again; or sealed again.
    pub copied: u64,
    /// Rows that were compared and found equal.
    pub compared: u64,
    /// For how many milliseconds writes were held.
    pub held_ms: u64,
    /// Each table with its number of rows and their checksum, the same on both sides.
    pub tables: Vec<TableSum>,
}

/// A table's rows, counted and summed up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSum {
    /// Which table.
    pub table: String,
    /// How many rows of the tenant it has.
    pub rows: u64,
    /// SHA-256 over the sums of all of them, a thousand at a time in the order of their ids, in hexadecimal digits.
    pub sha256: String,
}
