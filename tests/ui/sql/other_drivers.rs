//! Reaches the database past the data crate, with another driver or one of its parts.
//!
//! Must fail: the application depends on none.

pub fn with_tokio_postgres() {
    tokio_postgres::connect("", unreachable!());
}

pub fn with_rusqlite() {
    rusqlite::Connection::open("data/tenantry.db");
}

pub fn with_sqlx_postgres() {
    sqlx_postgres::PgConnection::connect("");
}

pub fn with_sqlx_sqlite() {
    sqlx_sqlite::SqliteConnection::connect("");
}

pub fn with_libsqlite3_sys() {
    libsqlite3_sys::sqlite3_open(unreachable!(), unreachable!());
}

pub fn with_diesel() {
    diesel::sql_query("SELECT 1");
}
