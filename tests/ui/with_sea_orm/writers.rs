//! Has a row change, delete or insert itself by what a handler can hold.
//!
//! Must fail: none of it is a connection to SeaORM.

use entity::{Post, TenantAccess, Transaction, User};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, ModelTrait};

pub async fn deleted(transaction: &Transaction, post: Post) {
    post.delete(transaction).await;
}

pub async fn saved(access: &TenantAccess, user: User) {
    user.into_active_model().update(access).await;
}

pub async fn inserted(transaction: &Transaction, user: User) {
    user.into_active_model().insert(transaction).await;
}

pub async fn all_deleted(access: &TenantAccess) {
    <Post as ModelTrait>::Entity::delete_many().exec(access).await;
}
