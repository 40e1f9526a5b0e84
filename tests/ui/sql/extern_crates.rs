//! Links crates that are in the build for the data crate's sake.
//!
//! Must fail: what is not a dependency of the application is not found, built or not.

extern crate sea_orm;
extern crate sea_query;
extern crate sqlx;
