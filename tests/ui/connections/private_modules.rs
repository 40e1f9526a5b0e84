//! Names the types that hold connections where the data crate defines them.
//!
//! Must fail: the modules are private.

pub fn lease(_: entity::connection::Lease) {}

pub fn pools(_: entity::connection::Connections) {}

pub fn session(_: entity::session::Session) {}

pub fn place(_: entity::place::Place) {}

pub fn owner(_: entity::owner::Owner) {}

pub fn connect() {
    entity::database::connect(unreachable!());
}
