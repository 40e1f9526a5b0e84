//! Writes a caller down field by field.
//!
//! Must fail: the fields are private to authentication.

use entity::{Role, TenantAccess};
use tenantry::auth::extract::{Caller, PlatformCaller};

pub fn caller(access: TenantAccess) -> Caller {
    Caller { access, role: Role::Admin, subject: String::new(), platform: None }
}

pub fn promoted(caller: Caller) -> Caller {
    Caller { role: Role::Admin, ..caller }
}

pub fn platform_caller() -> PlatformCaller {
    PlatformCaller { admin: unreachable!(), authenticator: unreachable!() }
}
