//! What a tenant looks like in answers.

use chrono::{DateTime, Utc};
use entity::{Isolation, Tenant, TenantMigration, TenantStatus, WorkState, told_outside};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use super::limits::LimitsView;
use crate::auth::tokens::SignedToken;
use crate::http::time::{micros, micros_if_any};
use crate::openapi::words;

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tenant)]
pub struct TenantView {
    id: Uuid,
    /// Short name: unique, part of host names and paths.
    #[schema(example = "acme")]
    slug: String,
    /// Shown name.
    #[schema(example = "Acme Corporation")]
    name: String,
    #[schema(schema_with = words::tenant_status)]
    status: TenantStatus,
    #[schema(schema_with = words::isolation)]
    isolation: Isolation,
    /// The further database server its rows live on, if not the first.
    #[schema(required)]
    datastore: Option<String>,
    /// Host names of its own that name it.
    #[schema(example = json!(["blog.acme.org"]))]
    domains: Vec<String>,
    limits: LimitsView,
    /// How many of the tables' migrations it has had.
    #[schema(minimum = 0)]
    schema_version: i32,
    #[serde(serialize_with = "micros")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "micros")]
    updated_at: DateTime<Utc>,
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> Self {
        Self {
            id: tenant.id,
            slug: tenant.slug,
            name: tenant.name,
            status: tenant.status,
            isolation: tenant.isolation,
            datastore: tenant.datastore,
            domains: tenant.domains.0,
            limits: tenant.limits.into(),
            schema_version: tenant.schema_version,
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
        }
    }
}

/// Which tenants a list is of.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TenantFilter {
    /// Only tenants in this state.
    #[param(schema_with = words::tenant_status)]
    pub(super) status: Option<TenantStatus>,
    /// Only tenants whose rows live like this.
    #[param(schema_with = words::isolation)]
    pub(super) isolation: Option<Isolation>,
}

/// A signed token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenView {
    /// To be sent as `Authorization: Bearer`.
    token: String,
    /// When it stops to be good.
    #[serde(serialize_with = "micros")]
    expires_at: DateTime<Utc>,
}

impl From<SignedToken> for TokenView {
    fn from(signed: SignedToken) -> Self {
        Self { token: signed.token, expires_at: signed.expires_at }
    }
}

/// The last migration of a tenant's tables.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TenantMigration)]
pub struct MigrationView {
    tenant_id: Uuid,
    /// The tenant's short name.
    #[schema(example = "acme")]
    slug: String,
    /// How many migrations the tables have had, or were to have.
    #[schema(minimum = 0)]
    version: i32,
    #[schema(schema_with = words::work_state)]
    state: WorkState,
    #[serde(serialize_with = "micros")]
    started_at: DateTime<Utc>,
    /// Absent while it runs, or if whoever ran it died: the next migration goes on from there.
    #[serde(serialize_with = "micros_if_any")]
    #[schema(required)]
    ended_at: Option<DateTime<Utc>>,
    /// Why it failed.
    #[schema(required)]
    error: Option<String>,
}

impl From<TenantMigration> for MigrationView {
    fn from(migration: TenantMigration) -> Self {
        let TenantMigration { tenant_id, slug, version, state, started_at, ended_at, error } = migration;
        let error = error.map(|error| told_outside(&error).to_owned());
        Self { tenant_id, slug, version, state, started_at, ended_at, error }
    }
}

/// Which migrations a list is of.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MigrationFilter {
    /// Only those that are so far.
    #[param(schema_with = words::work_state)]
    pub(super) state: Option<WorkState>,
}
