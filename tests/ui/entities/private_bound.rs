//! Names the trait that ties a resource to its entity, to use it as a bound.
//!
//! Must fail: the module it is in is private.

pub fn mapped<R: entity::resource::Mapped>() {}

pub fn owned<R: entity::resource::Owned>() {}

pub fn exported<R: entity::Mapped>() {}
