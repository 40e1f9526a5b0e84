//! Goes from a column to its entity by `ColumnTrait`, which every column implements.
//!
//! Must fail: naming the trait takes `sea_orm`, on which the application does not depend.

use entity::UserColumn;

pub fn entity_of_column() -> <UserColumn as sea_orm::ColumnTrait>::EntityName {
    unreachable!()
}

pub fn all_columns() {
    <UserColumn as sea_orm::Iterable>::iter();
}
