//! The command `tenantry` as an operator meets it: the real binary over real databases.

mod cache;
mod demo;
mod doctor;
mod faults;
mod help;
mod keys;
mod migrate;
mod openapi;
mod places;
mod relocation;
mod serve;
mod settings;
mod shutdown;
mod support;
mod telemetry;
mod tenant;
mod timeouts;
mod token;
