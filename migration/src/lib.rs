//! The DDL of Tenantry, in two sets that are versioned apart:
//!
//! * [`CatalogMigrator`]: the catalog, of which an installation has one (tenants, domains, audit log);
//! * [`TenantMigrator`]: the tables that every tenant owns rows in, wherever those live.
//!
//! A migration never uses the entities of the data crate: those describe today's tables, a migration those of its day.
//! [`access`] holds what PostgreSQL is told about who may see which row.

pub mod access;
mod catalog;
mod ddl;
mod tenant;

pub use catalog::CatalogMigrator;
pub use sea_orm_migration::MigratorTrait;
pub use tenant::{TENANT_TABLES, TenantMigrator};
