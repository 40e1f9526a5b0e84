//! Gets the settings back from the open database, to open it once more with an eye of one's own on every statement.
//!
//! Must fail: an open database does not tell how it was opened, and cannot be given an observer.

use actix_web::web;
use entity::Database;

pub fn settings(database: web::Data<Database>) {
    database.settings();
}

pub fn observed(database: Database) {
    database.observed_by(unreachable!());
}
