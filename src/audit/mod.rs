//! The audit log: what the platform did, and to which tenant.

mod handlers;
mod views;

pub use handlers::audit_list;
