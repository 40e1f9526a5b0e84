//! Long work on tenants: looked at while it goes on, and afterwards.

pub mod handlers;
pub mod views;
