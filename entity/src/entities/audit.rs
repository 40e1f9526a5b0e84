//! `audit_log`: who of the platform did what to which tenant.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

use crate::vocabulary::Outcome;

/// One thing that somebody of the platform did, or tried.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_log")]
pub struct Model {
    /// UUIDv7: newer entries have greater ids.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: the operator's name.
    pub actor: String,
    /// What: a word such as `tenant.suspend`.
    pub action: String,
    /// From where: an address, `command line` or `operation`; none in entries of older versions.
    pub origin: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// To which tenant, if to one.
    pub tenant_id: Option<Uuid>,
    /// What else there is to know.
    pub detail: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
