//! The audit log: what the platform did, and to which tenant.

pub mod handlers;
pub mod views;
