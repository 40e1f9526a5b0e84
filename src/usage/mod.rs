//! What tenants use: each request's account, and the hours and series that accounts are added to.

pub mod busiest;
pub mod handlers;
mod meter;
mod metered;
pub mod views;

pub use meter::Meter;
pub use metered::{Account, Metered};
