//! Asks application data for a connection as other services keep one there.
//!
//! Must fail: its type takes a crate to name on which the application does not depend.

use actix_web::web;

pub async fn sea_orm_connection(connection: web::Data<sea_orm::DatabaseConnection>) {
    drop(connection);
}

pub async fn sqlx_pool(pool: web::Data<sqlx::PgPool>) {
    drop(pool);
}

pub async fn deadpool_pool(pool: web::Data<deadpool::managed::Pool<()>>) {
    drop(pool);
}
