//! The DDL of Tenantry, in two sets that are versioned apart:
//!
//! * [`CATALOG`]: the catalog, of which an installation has one (tenants, domains, operations, audit log);
//! * [`TENANT`]: the tables that every tenant owns rows in, the same wherever those live.
//!
//! This crate is text: the data crate runs it, for a thousand places if need be. A migration never uses the entities of the
//! data crate: those describe today's tables, a migration those of its day. [`access`] holds what PostgreSQL is told about
//! who may see which row.

pub mod access;
mod catalog;
mod dialect;
mod set;
mod tenant;

pub use catalog::{CATALOG, CATALOG_TABLES, CHANGES};
pub use dialect::Dialect;
pub use set::{Migration, Set};
pub use tenant::{ADD, DEPARTURES, ENTER, LEFT, TALLIES, TENANT, TENANT_TABLES};
