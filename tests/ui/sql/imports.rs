//! Brings SeaORM's traits into scope, with which every model would be an entity.
//!
//! Must fail: the application does not depend on it.

pub fn prelude() {
    use sea_orm::entity::prelude::*;
}

pub fn traits() {
    use sea_orm::{ColumnTrait as _, EntityTrait as _, ModelTrait as _};
}
