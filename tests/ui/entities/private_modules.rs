//! Names the entities where the data crate defines them.
//!
//! Must fail: the modules are private.

pub fn user(_: entity::entities::user::Entity) {}

pub fn post(_: entity::entities::post::Entity) {}

pub fn tenant(_: entity::entities::tenant::Entity) {}

pub fn idempotency_record(_: entity::entities::idempotency::Entity) {}

pub fn domain(_: entity::entities::domain::Entity) {}

pub fn audit_record(_: entity::entities::audit::Entity) {}

pub fn active_model(_: entity::entities::user::ActiveModel) {}
