//! The catalog: one per installation, reached through the platform's connection.

mod m0001_tenants;
mod m0002_audit_log;
mod m0003_places;
mod m0004_data_keys;
mod m0005_usage;
mod m0006_audit_outcomes;
mod m0007_changes;

use crate::set::Set;

pub use m0007_changes::CHANGES;

/// Every table of the catalog; each has a column that says which tenant a row is about.
pub const CATALOG_TABLES: &[&str] = &[
    "tenants",
    "tenant_slugs",
    "tenant_domains",
    "audit_log",
    "operations",
    "tenant_versions",
    "data_keys",
    "usage_hours",
];

/// The catalog's tables.
pub static CATALOG: Set = Set {
    name: "catalog",
    ledger: "catalog_migrations",
    migrations: &[
        m0001_tenants::MIGRATION,
        m0002_audit_log::MIGRATION,
        m0003_places::MIGRATION,
        m0004_data_keys::MIGRATION,
        m0005_usage::MIGRATION,
        m0006_audit_outcomes::MIGRATION,
        m0007_changes::MIGRATION,
    ],
};
