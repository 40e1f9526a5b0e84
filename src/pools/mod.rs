//! The connection pools, as the platform looks at them.

pub mod handlers;
pub mod views;
