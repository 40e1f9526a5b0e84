//! Opens the platform's door with no proof, or with a proof of something else.
//!
//! Must fail: it takes a `&PlatformAdmin`, which only the gatekeeper makes.

use actix_web::web;
use entity::{Database, TenantAccess};
use tenantry::auth::extract::{PlatformCaller, TenantAdmin};

pub fn nothing(database: web::Data<Database>) {
    database.platform();
}

pub fn name(database: web::Data<Database>) {
    database.platform("ops");
}

pub fn tenant_admin(database: web::Data<Database>, caller: TenantAdmin) {
    database.platform(&caller);
}

pub fn tenant_access(database: web::Data<Database>, access: TenantAccess) {
    database.platform(&access);
}

pub fn platform_caller(database: web::Data<Database>, caller: PlatformCaller) {
    database.platform(&caller);
}
