//! One text for both databases: the few column types that differ are written as placeholders.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

/// Runs DDL in which `{uuid}`, `{time}`, `{json}` and `{bigint}` stand for the backend's own types.
pub(crate) async fn run(manager: &SchemaManager<'_>, template: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let sql = expand(connection.get_database_backend(), template);
    connection.execute_unprepared(&sql).await?;
    Ok(())
}

fn expand(backend: DbBackend, template: &str) -> String {
    let types = match backend {
        DbBackend::Postgres => {
            [("{uuid}", "uuid"), ("{time}", "timestamptz"), ("{json}", "jsonb"), ("{bigint}", "bigint")]
        }
        // What sqlx reads and writes for these types; times as text of a fixed form sort as times.
        _ => [("{uuid}", "blob"), ("{time}", "text"), ("{json}", "text"), ("{bigint}", "integer")],
    };
    types.iter().fold(template.to_owned(), |sql, (placeholder, name)| sql.replace(placeholder, name))
}

/// Undoing a migration would destroy rows; a newer migration is the way back.
pub(crate) fn irreversible() -> DbErr {
    DbErr::Migration("migrations are not undone: write a new one".to_owned())
}
