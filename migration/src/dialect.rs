//! One text for both databases: the few column types that differ are written as placeholders.

/// Which database the DDL is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL: has roles and row-level security.
    Postgres,
    /// SQLite: has neither.
    Sqlite,
}

impl Dialect {
    /// DDL in which `{uuid}`, `{time}`, `{json}` and `{bigint}` stand for the database's own types.
    pub(crate) fn expand(self, template: &str) -> String {
        let types = match self {
            Self::Postgres => {
                [("{uuid}", "uuid"), ("{time}", "timestamptz"), ("{json}", "jsonb"), ("{bigint}", "bigint")]
            }
            // What sqlx reads and writes for these types; times as text of a fixed form sort as times.
            Self::Sqlite => [("{uuid}", "blob"), ("{time}", "text"), ("{json}", "text"), ("{bigint}", "integer")],
        };
        types.iter().fold(template.to_owned(), |sql, (placeholder, name)| sql.replace(placeholder, name))
    }
}
