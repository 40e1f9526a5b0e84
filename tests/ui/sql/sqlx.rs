//! Runs SQL of one's own with sqlx.
//!
//! Must fail: the application does not depend on it.

pub async fn query() {
    sqlx::query("DELETE FROM posts");
}

pub async fn raw() {
    sqlx::raw_sql("DELETE FROM posts");
}

pub async fn checked() {
    sqlx::query!("SELECT 1");
}

pub async fn connect() {
    sqlx::PgPool::connect("postgres://postgres@localhost").await;
}
