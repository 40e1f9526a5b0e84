//! Runs SQL of one's own with SeaORM.
//!
//! Must fail: the application does not depend on it.

pub fn statement() {
    sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, "SELECT 1");
}

pub async fn connect() {
    sea_orm::Database::connect("sqlite://data/tenantry.db").await;
}

pub fn find_by_statement<E: sea_orm::EntityTrait>() {
    E::find().from_raw_sql(unreachable!());
}
