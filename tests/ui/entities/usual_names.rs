//! Names the entities as SeaORM projects usually export them.
//!
//! Must fail: nothing of these names leaves the data crate.

pub fn entity() -> entity::Entity {
    unreachable!()
}

pub fn entities() -> entity::Users {
    unreachable!()
}

pub fn module() -> entity::user::Entity {
    unreachable!()
}

pub fn prelude() -> entity::prelude::User {
    unreachable!()
}

pub fn active_model() -> entity::ActiveModel {
    unreachable!()
}

pub fn user_entity() -> entity::UserEntity {
    unreachable!()
}
