//! Which areas a statement writes, read off the statement itself: so no writer can forget to say so.
//!
//! Every statement of this crate is built by sea-query, which writes `INSERT INTO "posts"`, `UPDATE "posts"` or `DELETE FROM "posts"`, and
//! values apart from the text. A statement may write to several tables, one of them for another.

use uuid::Uuid;

use super::Area;

/// Tables of which rows go with rows of another one, by `ON DELETE CASCADE`.
const CASCADES: &[(&str, &[&str])] = &[("users", &["posts"])];

/// Tables of the catalog that say which tenant a name names.
const NAMES: &[&str] = &["tenants", "tenant_domains"];

/// What a transaction has written so far.
#[derive(Default)]
pub(crate) struct Written(Vec<Area>);

impl Written {
    /// What one statement writes that stands alone.
    pub(crate) fn by(sql: &str, bound: Uuid) -> Self {
        let mut written = Self::default();
        written.note(sql, Some(bound));
        written
    }

    /// Takes note of a statement of a transaction that is bound to this tenant.
    pub(crate) fn note(&mut self, sql: &str, bound: Option<Uuid>) {
        for name in tables(sql) {
            if NAMES.contains(&name) {
                self.add(Area::Names);
            }
            let Some(tenant) = bound else { continue };
            for reached in std::iter::once(&name).chain(going_with(name)) {
                let known = migration::TENANT_TABLES.iter().find(|table| *table == reached);
                known.into_iter().for_each(|table| self.add(Area::Table { tenant, table }));
            }
        }
    }

    /// Everything that was noted.
    pub(crate) fn into_areas(self) -> Vec<Area> {
        self.0
    }

    fn add(&mut self, area: Area) {
        if !self.0.contains(&area) {
            self.0.push(area);
        }
    }
}

/// Tables of which rows go when one of this table does.
pub(crate) fn going_with(table: &str) -> &'static [&'static str] {
    CASCADES.iter().find(|(parent, _)| *parent == table).map_or(&[], |(_, children)| children)
}

/// The tables that a statement writes; none if it only reads.
fn tables(sql: &str) -> impl Iterator<Item = &str> {
    ["INSERT INTO ", "UPDATE ", "DELETE FROM "].into_iter().flat_map(|verb| sql.split(verb).skip(1)).filter_map(
        |written| {
            let mut names = written.split_ascii_whitespace().next()?.split('.');
            // Behind the schema's, where it is named.
            names.next_back()?.strip_prefix('"')?.strip_suffix('"')
        },
    )
}

#[cfg(test)]
mod tests {
    use testkit::TestDatabase;

    use super::*;

    fn areas(sql: &str) -> Vec<String> {
        let mut written = Written::default();
        written.note(sql, Some(Uuid::nil()));
        let name = |area| match area {
            Area::Names => "names".to_owned(),
            Area::Table { table, .. } => table.to_owned(),
        };
        written.into_areas().into_iter().map(name).collect()
    }

    #[test]
    fn a_statement_says_what_it_writes() {
        assert_eq!(areas(r#"INSERT INTO "posts" ("tenant_id") VALUES ($1)"#), ["posts"]);
        assert_eq!(areas(r#"INSERT INTO "tenant_0"."posts" ("tenant_id") SELECT 1"#), ["posts"]);
        assert_eq!(areas(r#"UPDATE "users" SET "name" = $1"#), ["users", "posts"]);
        assert_eq!(areas(r#"DELETE FROM "idempotency_keys" WHERE 1 = 1"#), ["idempotency_keys"]);
        assert_eq!(areas(r#"UPDATE "tenants" SET "name" = $1"#), ["names"]);
        assert_eq!(areas(r#"DELETE FROM "tenant_domains""#), ["names"]);
        assert_eq!(areas(r#"INSERT INTO "audit_log" VALUES ($1)"#), Vec::<String>::new());
        assert_eq!(areas(r#"SELECT "posts"."id" FROM "posts""#), Vec::<String>::new());
        let two = |second: &str| {
            format!(
                r#"WITH "first" AS (INSERT INTO "tallies" ("slot") VALUES ($1) ON CONFLICT DO UPDATE SET "slot" = $2) {second}"#
            )
        };
        assert_eq!(
            areas(&two(r#"INSERT INTO "idempotency_keys" ("id") SELECT "slot" FROM "first""#)),
            ["idempotency_keys"]
        );
        assert_eq!(areas(&two(r#"SELECT "slot" FROM "first""#)), Vec::<String>::new());
        let changed = r#"WITH "changed" AS (UPDATE "idempotency_keys" SET "status" = $1 RETURNING "id") SELECT "id" FROM "changed""#;
        assert_eq!(areas(changed), ["idempotency_keys"]);
    }

    /// A table that is added with a key that cascades must be in the list above.
    #[tokio::test]
    async fn every_cascade_of_the_tables_is_known() {
        let database = TestDatabase::sqlite().await;
        for parent in migration::TENANT_TABLES {
            for child in migration::TENANT_TABLES {
                let sql = format!(
                    "SELECT count(*) FROM pragma_foreign_key_list('{child}')
                     WHERE \"table\" = '{parent}' AND on_delete = 'CASCADE'"
                );
                let cascades = database.number(&sql).await > 0;
                assert_eq!(cascades, going_with(parent).contains(child), "rows of {child} go with rows of {parent}");
            }
        }
    }
}
