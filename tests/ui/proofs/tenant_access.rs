//! Makes an access of a tenant that nobody resolved: by a constructor, a default, an id, a row, a body.
//!
//! Must fail: only the gatekeeper makes one; there is no constructor, default, conversion or deserialisation.

use actix_web::web;
use entity::{Tenant, TenantAccess};
use uuid::Uuid;

pub fn new(tenant: Tenant) -> TenantAccess {
    TenantAccess::new(tenant, unreachable!(), unreachable!())
}

pub fn default() -> TenantAccess {
    TenantAccess::default()
}

pub fn from_id(tenant: Uuid) -> TenantAccess {
    tenant.into()
}

pub fn from_row(tenant: Tenant) -> TenantAccess {
    TenantAccess::from(tenant)
}

pub fn parsed() -> TenantAccess {
    "acme".parse().unwrap()
}

pub fn from_body(body: &str) -> TenantAccess {
    serde_json::from_str(body).unwrap()
}

pub fn as_extractor(scope: web::ServiceConfig) {
    scope.route("/", web::get().to(async |_access: TenantAccess| ""));
}
