//! Tenants: the platform's operations on each, and each one's look at itself.

mod bodies;
mod cursor_paging;
mod handlers;
mod lifecycle;
mod limits;
mod path;
mod tokens;
mod views;

pub use handlers::{tenant_create, tenant_get, tenant_list, tenant_own, tenant_update};
pub use lifecycle::{tenant_delete, tenant_restore, tenant_resume, tenant_suspend};
pub use tokens::tenant_token_create;

pub(crate) use cursor_paging::CursorPaging;
pub(crate) use path::named;
