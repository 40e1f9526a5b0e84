//! The platform's door: the only way to work across tenants.
//!
//! It takes a `&PlatformAdmin`, which only a [`Gatekeeper`](crate::Gatekeeper) makes, and every change writes who made it into
//! the audit log, in the same transaction.

mod audit;
mod lifecycle;
mod tenants;
mod work;

use std::sync::Arc;

use sea_orm::{QueryResult, Statement, StatementBuilder};
use uuid::Uuid;

use crate::connection::{Access, Binding, Lease};
use crate::cursor::Cursor;
use crate::entities::tenant;
use crate::error::{Error, Keys};
use crate::gatekeeper::PlatformAdmin;
use crate::resource::{Mapped, Unique};
use crate::session::Place;

pub use audit::{AuditEntry, AuditQuery};
pub use lifecycle::Transition;
pub(crate) use tenants::newest_schema;
pub use tenants::{NewTenant, TenantChanges, TenantQuery};

/// The keys of the catalog.
const UNIQUE: &[Unique] = &[
    Unique::new("tenants_slug_key", "tenants.slug", "slug"),
    Unique::new("tenant_slugs_pkey", "tenant_slugs.slug", "slug"),
    Unique::new("tenants_pkey", "tenants.id", "id"),
    Unique::new("tenant_domains_pkey", "tenant_domains.domain", "domains"),
];

/// Cursors of the platform's lists belong to no tenant.
const NO_TENANT: Uuid = Uuid::nil();

/// Cross-tenant work, by somebody who is proven to be of the platform.
pub struct Platform<'a> {
    place: &'a Arc<Place>,
    admin: &'a PlatformAdmin,
}

impl<'a> Platform<'a> {
    pub(crate) fn new(place: &'a Arc<Place>, admin: &'a PlatformAdmin) -> Self {
        Self { place, admin }
    }

    /// Reads a cursor that [`Platform::tenant_list`] gave out.
    pub fn tenant_cursor(&self, text: &str) -> Result<Cursor, Error> {
        Cursor::parse(text, tenant::Model::TAG, NO_TENANT)
    }

    /// Reads a cursor that [`Platform::audit_list`] gave out.
    pub fn audit_cursor(&self, text: &str) -> Result<Cursor, Error> {
        Cursor::parse(text, audit::TAG, NO_TENANT)
    }

    fn build(&self, statement: &impl StatementBuilder) -> Statement {
        StatementBuilder::build(statement, &self.place.backend())
    }

    async fn fetch(&self, statement: &impl StatementBuilder) -> Result<Vec<QueryResult>, Error> {
        Lease::read_alone(&self.place.pools, &self.place.terms, self.build(statement), KEYS).await
    }

    async fn begin(&self) -> Result<Lease, Error> {
        Lease::begin(&self.place.pools, Access::Write, Binding::Platform, &self.place.terms).await
    }
}

const KEYS: Keys = Keys { unique: UNIQUE, references: &[] };

fn internal(error: sea_orm::DbErr) -> Error {
    Error::Internal(error.to_string())
}
