//! Takes the database out of the authenticator, which every handler can get from application data.
//!
//! Must fail: the field is private, and there is no accessor.

use actix_web::web;
use tenantry::auth::Authenticator;

pub async fn field(authenticator: web::Data<Authenticator>) {
    let _ = &authenticator.database;
}

pub async fn accessor(authenticator: web::Data<Authenticator>) {
    authenticator.database();
}
