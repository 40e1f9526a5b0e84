//! Takes the gatekeeper out of the authenticator, which every handler can get from application data, or has it admit a
//! request for the asking.
//!
//! Must fail: the field is private, and admitting is for the extractors only.

use actix_web::web;
use entity::{Gatekeeper, Role};
use tenantry::auth::Authenticator;

pub fn field(authenticator: web::Data<Authenticator>) {
    let _ = &authenticator.gatekeeper;
}

pub fn accessor(authenticator: web::Data<Authenticator>) -> Gatekeeper {
    authenticator.gatekeeper()
}

pub async fn admit(authenticator: web::Data<Authenticator>) {
    authenticator.admit(unreachable!(), Role::Admin).await;
}

pub fn claims(authenticator: web::Data<Authenticator>) {
    authenticator.claims(unreachable!());
}

pub fn keys(authenticator: web::Data<Authenticator>) {
    let _ = &authenticator.tokens;
}
