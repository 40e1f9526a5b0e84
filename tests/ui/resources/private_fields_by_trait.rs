//! Adds a method to a scope by a trait of one's own, from where its fields would be at hand.
//!
//! Must fail: privacy goes by where code is written, not by whose method it is.

use entity::{TenantScoped, User};

pub trait Reach {
    fn reach(&self);
}

impl Reach for TenantScoped<User> {
    fn reach(&self) {
        let _ = &self.session;
    }
}
