//! Black-box tests: the whole application on a port of its own, over a real SQLite file and a real PostgreSQL.

mod audit;
mod conditional;
mod connections;
mod errors;
mod every_operation;
mod expect;
mod hostile;
mod idempotency;
mod identification;
mod include;
mod keys;
mod lifecycle;
mod machines;
mod migrations;
mod moving;
mod outage;
mod paging;
mod places;
mod pools;
mod posts;
mod purge;
mod roles;
mod support;
mod tenants;
mod transfer;
mod users;
