//! What an entry of the audit log looks like, and how entries are chosen.

use chrono::{DateTime, Utc};
use entity::{AuditRecord, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use crate::http::rules;
use crate::http::time::{micros, rfc3339_if_any};
use crate::openapi::words;

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
    /// From where: an address, `command line`, or `operation` for long work that goes on by itself.
    #[schema(required, example = "192.0.2.7")]
    origin: Option<String>,
    /// In which request: its `X-Request-ID`.
    #[schema(required)]
    request_id: Option<String>,
    /// How it ended. Whatever was refused or failed has `status` and `code` of the answer in its `detail`.
    #[schema(schema_with = words::outcome)]
    outcome: Outcome,
    /// To which tenant, if to one.
    #[schema(required)]
    tenant_id: Option<Uuid>,
    /// What else there is to know.
    #[schema(value_type = Object)]
    detail: Value,
}

impl From<AuditRecord> for AuditEntryView {
    fn from(entry: AuditRecord) -> Self {
        let AuditRecord { id, at, actor, action, origin, request_id, outcome, tenant_id, detail } = entry;
        Self { id, at, actor, action, origin, request_id, outcome, tenant_id, detail }
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
    /// Only what ended like this.
    #[param(schema_with = words::outcome)]
    pub(super) outcome: Option<Outcome>,
    /// Only this moment and later, in RFC 3339.
    #[param(example = "2026-01-31T00:00:00Z")]
    #[serde(default, deserialize_with = "rfc3339_if_any")]
    pub(super) from: Option<DateTime<Utc>>,
    /// Only before this moment, in RFC 3339.
    #[param(example = "2026-02-28T00:00:00Z")]
    #[serde(default, deserialize_with = "rfc3339_if_any")]
    pub(super) to: Option<DateTime<Utc>>,
}
