//! Builds SeaORM's expressions with a column's own methods.
//!
//! Must fail: they are methods of `ColumnTrait`, which cannot be brought into scope.

use entity::{PostColumn, UserColumn};

pub fn like() {
    UserColumn::Name.like("%");
}

pub fn is_in_subquery() {
    PostColumn::UserId.in_subquery(unreachable!());
}

pub fn expression() {
    UserColumn::Name.into_expr();
}

pub fn entity_name() {
    UserColumn::Name.entity_name();
}
