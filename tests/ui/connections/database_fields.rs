//! Takes the pools out of the open database, which every handler can get from application data.
//!
//! Must fail: the fields are private to the data crate.

use actix_web::web;
use entity::Database;

pub async fn serving(database: web::Data<Database>) {
    let _ = &database.serving;
}

pub async fn platform(database: web::Data<Database>) {
    let _ = &database.platform.connections;
}
