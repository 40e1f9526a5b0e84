//! The people of one tenant.

pub mod handlers;
pub mod views;
