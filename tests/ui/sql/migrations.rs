//! Runs DDL, or whatever else a migration's `SchemaManager` runs.
//!
//! Must fail: the application depends neither on the migrations nor on what they are written with.

pub fn schema_manager(_: sea_orm_migration::SchemaManager) {}

pub fn migrator() {
    migration::TenantMigrator::up(unreachable!(), None);
}

pub fn package() {
    tenantry_migration::CatalogMigrator::up(unreachable!(), None);
}
