//! Makes SeaORM identifiers of columns by conversions of the standard library.
//!
//! Must fail: what a column converts into is of no type that a handler can name, and nothing public takes it.

use entity::{Filter, User, UserColumn};

pub fn text() -> String {
    UserColumn::Name.into()
}

pub fn filter() -> Filter<User> {
    UserColumn::Name.into()
}
