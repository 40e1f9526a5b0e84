//! Goes from a model to its entity by `ModelTrait`, which every model implements.
//!
//! Must fail: naming the trait takes `sea_orm`, on which the application does not depend.

use entity::{Post, User};

pub async fn entity_of_user() {
    <<User as sea_orm::ModelTrait>::Entity as sea_orm::EntityTrait>::find();
}

pub async fn delete_post(post: Post) {
    sea_orm::ModelTrait::delete(post, unreachable!());
}

pub fn generic<M: sea_orm::ModelTrait>(_: M) -> M::Entity {
    unreachable!()
}
