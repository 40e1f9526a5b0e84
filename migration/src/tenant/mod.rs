//! The tables that tenants own rows in. Every key of every one begins with `tenant_id`.

mod m0001_users_and_posts;
mod m0002_idempotency_keys;

use sea_orm_migration::prelude::*;

/// Every table of this set: what the serving role is granted, and what the start-up check looks at.
pub const TENANT_TABLES: &[&str] = &["users", "posts", "idempotency_keys"];

/// Brings the tenant tables of one place up; its ledger is the table `tenant_migrations`.
#[derive(Debug)]
pub struct TenantMigrator;

#[async_trait::async_trait]
impl MigratorTrait for TenantMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_users_and_posts::Migration), Box::new(m0002_idempotency_keys::Migration)]
    }

    fn migration_table_name() -> DynIden {
        "tenant_migrations".into_iden()
    }
}
