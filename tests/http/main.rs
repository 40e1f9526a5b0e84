//! Black-box tests: the whole application on a port of its own, over a real SQLite file and a real PostgreSQL.

mod identification;
mod support;
