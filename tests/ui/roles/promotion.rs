//! Makes an admin of a caller who was only found to be a reader.
//!
//! Must fail: the extractors do not convert into each other, and the role cannot be written.

use entity::Role;
use tenantry::auth::extract::{TenantAdmin, TenantReader, TenantWriter};

pub fn converted(caller: TenantReader) -> TenantAdmin {
    caller.into()
}

pub fn unwrapped(caller: TenantReader) -> TenantWriter {
    TenantWriter::from(caller.0)
}

pub fn promoted(mut caller: TenantReader) {
    caller.role = Role::Admin;
}

pub fn passed_on(caller: TenantReader) {
    asks_for_an_admin(caller);
}

fn asks_for_an_admin(_: TenantAdmin) {}
