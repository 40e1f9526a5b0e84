//! What the people of one tenant write.

pub mod handlers;
pub mod views;
