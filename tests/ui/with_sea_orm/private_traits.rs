//! Reaches, with SeaORM's types at hand, the data crate's own functions that take them.
//!
//! Must fail: they are private to the data crate.

use entity::{TenantScoped, User};
use sea_orm::{EntityTrait, ModelTrait};

pub fn built(users: TenantScoped<User>) {
    users.build(&<User as ModelTrait>::Entity::find());
}

pub async fn unit(users: TenantScoped<User>) {
    users.fetch(unreachable!()).await;
}

pub fn condition(filter: entity::Filter<User>) {
    filter.into_condition();
}
