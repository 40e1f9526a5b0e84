//! Black-box tests: the whole application on a port of its own, over a real SQLite file and a real PostgreSQL.

mod audit;
mod conditional;
mod every_operation;
mod expect;
mod idempotency;
mod identification;
mod include;
mod lifecycle;
mod paging;
mod posts;
mod roles;
mod support;
mod tenants;
mod users;
