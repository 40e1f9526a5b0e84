//! Black-box tests: the whole application on a port of its own, over a real SQLite file and a real PostgreSQL.

mod conditional;
mod expect;
mod idempotency;
mod identification;
mod include;
mod paging;
mod posts;
mod roles;
mod support;
mod users;
