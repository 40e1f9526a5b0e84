//! Takes the statement's condition out of a filter, or a value out of an operand.
//!
//! Must fail: what is inside is private to the data crate.

use entity::{Filter, Operand, User};

pub fn node(filter: Filter<User>) {
    let _ = filter.0;
}

pub fn condition(filter: Filter<User>) {
    filter.into_condition();
}

pub fn value(operand: Operand) {
    let _ = operand.0;
}
