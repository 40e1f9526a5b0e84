//! Takes the DDL, or what grants roles their rights, from where they are written down.
//!
//! Must fail: the application does not depend on the migrations.

pub fn set(_: migration::Set) {}

pub fn migrations() {
    migration::TENANT.ledger_sql();
}

pub fn package() {
    tenantry_migration::access::tenant_grants("public", "tenantry_serving");
}
