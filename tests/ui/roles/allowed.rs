//! What the extractors say of a caller's role.

use entity::Role;
use tenantry::auth::extract::{Caller, TenantAdmin, TenantReader, TenantWriter};

pub fn roles(reader: TenantReader, writer: TenantWriter, admin: TenantAdmin) -> [Role; 3] {
    let caller: &Caller = &admin;
    [reader.role(), writer.role(), caller.role()]
}
