//! Makes a caller of somebody else's access.
//!
//! Must fail: the constructors are for authentication only; there is no conversion or deserialisation.

use entity::{PlatformAdmin, Role, TenantAccess};
use tenantry::auth::extract::{Caller, TenantReader};

pub fn member(access: TenantAccess) -> Caller {
    Caller::member(access, "ada".to_owned(), Role::Admin)
}

pub fn platform(access: TenantAccess, admin: PlatformAdmin) -> Caller {
    Caller::platform(access, admin)
}

pub fn from_access(access: TenantAccess) -> TenantReader {
    access.into()
}

pub fn from_body(body: &str) -> Caller {
    serde_json::from_str(body).unwrap()
}

pub fn copied(caller: &Caller) -> Caller {
    caller.clone()
}
