//! What an entry of the audit log looks like, and how entries are chosen.

use chrono::{DateTime, Utc};
use entity::AuditRecord;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use crate::http::rules;
use crate::http::time::micros;

/// Something that somebody of the platform did.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct AuditEntryView {
    id: Uuid,
    /// When.
    #[serde(serialize_with = "micros")]
    at: DateTime<Utc>,
    /// Who: the operator's name.
    #[schema(example = "operator")]
    actor: String,
    /// What.
    #[schema(example = "tenant.suspend")]
    action: String,
    /// To which tenant, if to one.
    #[schema(required)]
    tenant_id: Option<Uuid>,
    /// What else there is to know.
    #[schema(value_type = Object)]
    detail: Value,
}

impl From<AuditRecord> for AuditEntryView {
    fn from(entry: AuditRecord) -> Self {
        let AuditRecord { id, at, actor, action, tenant_id, detail } = entry;
        Self { id, at, actor, action, tenant_id, detail }
    }
}

/// Which entries a list is of.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    /// Only what was done to this tenant: its id or slug.
    #[param(example = "acme")]
    pub(super) tenant: Option<String>,
    /// Only what this operator did.
    #[validate(custom(function = "rules::no_nul"))]
    #[param(example = "operator")]
    pub(super) actor: Option<String>,
    /// Only this.
    #[validate(custom(function = "rules::no_nul"))]
    #[param(example = "tenant.suspend")]
    pub(super) action: Option<String>,
}
