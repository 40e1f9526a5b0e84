//! Gets at a database crate through a re-export.
//!
//! Must fail: neither the data crate nor the application re-exports one.

pub fn sea_orm() {
    entity::sea_orm::Statement::from_string(unreachable!(), "SELECT 1");
}

pub fn sqlx() {
    entity::sqlx::query("SELECT 1");
}

pub fn migration() {
    entity::migration::TENANT.ledger_sql();
}

pub fn of_the_application() {
    tenantry::sea_orm::Statement::from_string(unreachable!(), "SELECT 1");
}
