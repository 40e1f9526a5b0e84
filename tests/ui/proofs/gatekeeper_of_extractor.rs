//! Gets the gatekeeper by way of an extractor, or as one.
//!
//! Must fail: no extractor lends it, and it is no extractor itself.

use actix_web::web;
use entity::Gatekeeper;
use tenantry::auth::extract::PlatformCaller;

pub fn of_platform_caller(caller: PlatformCaller) {
    let _ = &caller.authenticator.gatekeeper;
}

pub fn accessor(caller: PlatformCaller) {
    caller.gatekeeper();
}

pub fn as_extractor(scope: web::ServiceConfig) {
    scope.route("/", web::get().to(async |_gatekeeper: Gatekeeper| ""));
}
