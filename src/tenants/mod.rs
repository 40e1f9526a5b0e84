//! Tenants: the platform's operations on each, and each one's look at itself.

mod bodies;
mod cursor_paging;
pub mod handlers;
mod keys;
mod lifecycle;
mod limits;
mod migrations;
mod moving;
mod path;
mod purge;
mod tokens;
mod transfer;
pub mod views;

pub(crate) use cursor_paging::CursorPaging;
pub(crate) use path::TenantPath;
pub(crate) use purge::CertificateView;
pub(crate) use transfer::judge;
