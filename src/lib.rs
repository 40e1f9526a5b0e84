//! Tenantry: a multi-tenant REST service in which a query that names no tenant cannot be written.
//!
//! The way of a request: [`routes`] -> an extractor of [`auth::extract`], which proves who is asking and for which tenant ->
//! a handler -> the data crate's `TenantScoped`, which builds the statement. There is no SQL and no connection here.

pub mod audit;
pub mod auth;
pub mod cli;
pub mod config;
pub mod error;
pub mod health;
pub mod http;
pub mod limits;
pub mod openapi;
pub mod operations;
pub mod pools;
pub mod posts;
pub mod routes;
pub mod startup;
pub mod tenancy;
pub mod tenants;
pub mod usage;
pub mod users;
