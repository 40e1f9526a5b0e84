//! Takes the session or the place of the rows out of a proven access.
//!
//! Must fail: both are private to the data crate.

use entity::TenantAccess;
use tenantry::auth::extract::TenantReader;

pub async fn place(access: TenantAccess) {
    let _ = &access.place;
}

pub async fn session(access: TenantAccess) {
    access.session();
}

pub async fn connection(access: TenantAccess) {
    access.connection();
}

pub async fn of_caller(caller: TenantReader) {
    let _ = &caller.access.place;
}
