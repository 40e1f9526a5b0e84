//! Looks for a connection behind the standard library's conversions.
//!
//! Must fail: none of the types that hold one converts into, or lends, anything.

use std::any::Any;
use std::sync::Arc;

use entity::{Database, TenantAccess};

pub fn as_ref(database: &Database) -> &dyn Any {
    let inner: &Arc<dyn Any> = database.as_ref();
    inner
}

pub fn into(access: TenantAccess) -> Arc<dyn Any> {
    access.into()
}

pub fn borrow(access: &TenantAccess) -> &Arc<dyn Any> {
    std::borrow::Borrow::borrow(access)
}
