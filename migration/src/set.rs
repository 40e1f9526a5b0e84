//! Migrations, and the ledger in which a place notes which of them it has had.

use crate::access::isolate;
use crate::dialect::Dialect;

/// One step from a version of the tables to the next.
///
/// Steps are not undone: undoing one would destroy rows. A newer one is the way back.
#[derive(Debug)]
pub struct Migration {
    /// Its name in the ledger, in the order of names.
    pub name: &'static str,
    /// Statements, with the placeholders of column types.
    pub(crate) ddl: &'static str,
    /// Statements for PostgreSQL alone, in which `{schema}` stands for the schema that they run in: what a function names, it
    /// must name in full, because whoever calls it may look elsewhere.
    pub(crate) functions: &'static [&'static str],
    /// The tables it makes that hold tenants' rows, each with the column that says whose: they get their policy.
    pub(crate) isolated: &'static [(&'static str, &'static str)],
    /// The tables whose rows it reads or changes itself: for as long as that takes, their policies do not apply to the owner,
    /// who would see none of them.
    pub(crate) backfilled: &'static [&'static str],
    /// Whether this version of the program can serve tables only that have had it.
    pub needed_to_serve: bool,
}

impl Migration {
    /// Its statements, policies included.
    pub fn sql(&self, dialect: Dialect) -> String {
        let mut sql = dialect.expand(self.ddl);
        if dialect == Dialect::Postgres {
            // All of it is one transaction: nobody else ever sees a table without.
            let forced = |word: &str| {
                let alter = |table: &&str| format!("ALTER TABLE {table} {word} ROW LEVEL SECURITY;");
                self.backfilled.iter().map(alter).collect::<String>()
            };
            sql = format!("{}{sql}{}", forced("NO FORCE"), forced("FORCE"));
            self.isolated.iter().for_each(|(table, column)| sql.push_str(&isolate(table, column)));
            self.functions.iter().for_each(|function| sql.push_str(&in_this_schema(function)));
        }
        sql
    }
}

fn in_this_schema(function: &str) -> String {
    format!(
        "DO $here$ BEGIN EXECUTE replace($of${function}$of$, '{{schema}}', quote_ident(current_schema())); END $here$;"
    )
}

/// Migrations that are applied in order, in each place apart.
#[derive(Debug)]
pub struct Set {
    /// `catalog` or `tenant`.
    pub name: &'static str,
    /// The table that holds the names of those applied.
    pub ledger: &'static str,
    /// In order.
    pub migrations: &'static [Migration],
}

impl Set {
    /// How many there are: the newest version.
    pub fn newest(&self) -> usize {
        self.migrations.len()
    }

    /// The oldest version that this program can serve.
    pub fn oldest_served(&self) -> usize {
        self.migrations.iter().rposition(|migration| migration.needed_to_serve).map_or(0, |last| last + 1)
    }

    /// Makes the ledger where there is none.
    pub fn ledger_sql(&self) -> String {
        let ledger = self.ledger;
        format!(
            "CREATE TABLE IF NOT EXISTS {ledger} (version varchar(255) NOT NULL PRIMARY KEY, applied_at bigint NOT NULL);"
        )
    }

    /// The migration, and its entry in the ledger. `applied_at` is in seconds since 1970.
    pub fn step_sql(&self, migration: &Migration, dialect: Dialect, applied_at: i64) -> String {
        let (sql, ledger, name) = (migration.sql(dialect), self.ledger, migration.name);
        format!("{sql}\nINSERT INTO {ledger} (version, applied_at) VALUES ('{name}', {applied_at});\n")
    }
}

#[cfg(test)]
mod tests {
    use crate::{CATALOG, TENANT};

    #[test]
    fn names_are_in_order_and_each_once() {
        for set in [&CATALOG, &TENANT] {
            let names: Vec<_> = set.migrations.iter().map(|migration| migration.name).collect();
            assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
            assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')));
        }
    }

    #[test]
    fn what_can_be_served_is_not_newer_than_the_newest() {
        assert!((1..=TENANT.newest()).contains(&TENANT.oldest_served()));
    }
}
