//! Asks the open database for a connection, or to run something.
//!
//! Must fail: it has no such method. It pings, tells its kind and opens the platform's door.

use actix_web::web;
use entity::Database;

pub async fn connection(database: web::Data<Database>) {
    database.connection();
}

pub async fn pool(database: web::Data<Database>) {
    database.get_postgres_connection_pool();
}

pub async fn begin(database: web::Data<Database>) {
    database.begin().await;
}

pub async fn execute(database: web::Data<Database>) {
    database.execute_unprepared("DELETE FROM posts").await;
}

pub async fn query(database: web::Data<Database>) {
    database.query_all("SELECT * FROM posts").await;
}
