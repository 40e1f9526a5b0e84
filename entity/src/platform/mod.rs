//! The platform's door: the only way to work across tenants.
//!
//! It takes a `&PlatformAdmin`, which only a [`Gatekeeper`](crate::Gatekeeper) makes, and every change writes who made it into
//! the audit log, in the same transaction.

mod audit;
mod lifecycle;
mod migrations;
mod provision;
mod tenants;
mod work;

use sea_orm::{QueryResult, Statement, StatementBuilder};
use uuid::Uuid;

use crate::connection::{Access, Binding, Lease};
use crate::cursor::Cursor;
use crate::database::Database;
use crate::entities::tenant;
use crate::error::{Error, Keys};
use crate::gatekeeper::PlatformAdmin;
use crate::resource::{Mapped, Unique};

pub use audit::{AuditEntry, AuditQuery};
pub use lifecycle::Transition;
pub use migrations::{MigrationQuery, TenantMigration};
pub(crate) use provision::{destroy, finish_provisioning, raise, serve, undo};
pub use tenants::{NewTenant, TenantChanges, TenantQuery};
pub(crate) use tenants::{newest_schema, tenant_by_id};

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
    database: &'a Database,
    admin: &'a PlatformAdmin,
}

impl<'a> Platform<'a> {
    pub(crate) fn new(database: &'a Database, admin: &'a PlatformAdmin) -> Self {
        Self { database, admin }
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
        StatementBuilder::build(statement, &self.database.platform.backend())
    }

    pub(crate) async fn fetch(&self, statement: &impl StatementBuilder) -> Result<Vec<QueryResult>, Error> {
        Lease::read_alone(&self.database.platform, self.build(statement), KEYS).await
    }

    pub(crate) fn database(&self) -> &'a Database {
        self.database
    }

    pub(crate) fn operator(&self) -> &str {
        self.admin.operator()
    }

    pub(crate) async fn tenant_by_id(&self, id: Uuid) -> Result<Option<tenant::Model>, Error> {
        tenant_by_id(self.database, id).await
    }

    pub(crate) async fn begin(&self) -> Result<Lease, Error> {
        Lease::begin(&self.database.platform, Access::Write, Binding::Nobody).await
    }
}

const KEYS: Keys = Keys { unique: UNIQUE, references: &[] };
