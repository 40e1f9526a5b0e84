//! The catalog: one per installation, reached through the platform's connection.

mod m0001_tenants;
mod m0002_audit_log;

use sea_orm_migration::prelude::*;

/// Brings the catalog's tables up; its ledger is the table `catalog_migrations`.
#[derive(Debug)]
pub struct CatalogMigrator;

#[async_trait::async_trait]
impl MigratorTrait for CatalogMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_tenants::Migration), Box::new(m0002_audit_log::Migration)]
    }

    fn migration_table_name() -> DynIden {
        "catalog_migrations".into_iden()
    }
}
