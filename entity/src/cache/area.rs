//! What is written as a whole, and what is asked of it.

use std::fmt;

use sea_orm::Statement;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What a write makes doubtful as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Area {
    /// Which tenant a name names, and what the catalog says of it.
    Names,
    /// One table of one tenant.
    Table {
        /// Whose rows.
        tenant: Uuid,
        /// Of which table.
        table: &'static str,
    },
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Names => f.write_str("names"),
            Self::Table { tenant, table } => write!(f, "{}:{table}", tenant.simple()),
        }
    }
}

impl Area {
    pub(crate) fn tenant(&self) -> Option<Uuid> {
        match self {
            Self::Names => None,
            Self::Table { tenant, .. } => Some(*tenant),
        }
    }
}

/// One value of an area: a digest of all that the answer depends on. Two questions are never the same by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question([u8; 32]);

impl Question {
    /// The tenants that these names name, each given as its kind and itself.
    pub(crate) fn names<'n>(words: impl IntoIterator<Item = &'n [u8]>) -> Self {
        digest(std::iter::once(b"names".as_slice()).chain(words))
    }

    /// One row. `placed` is the version of the tenant's own row: rows of a place that the tenant has left are another's.
    pub(crate) fn row(placed: i64, id: Uuid) -> Self {
        digest([b"row".as_slice(), &placed.to_be_bytes(), id.as_bytes()])
    }

    /// The rows that a statement finds.
    pub(crate) fn rows(placed: i64, statement: &Statement) -> Self {
        let values = statement.values.iter().flat_map(|values| &values.0).map(|value| format!("{value:?}"));
        let values: Vec<String> = values.collect();
        let parts = [b"rows".as_slice(), &placed.to_be_bytes(), statement.sql.as_bytes()];
        digest(parts.into_iter().chain(values.iter().map(String::as_bytes)))
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The length before each part keeps `ab, c` apart from `a, bc`.
fn digest<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Question {
    let hash = parts
        .into_iter()
        .fold(Sha256::new(), |hash, part| hash.chain_update((part.len() as u64).to_be_bytes()).chain_update(part));
    Question(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use sea_orm::DbBackend;

    use super::*;

    #[test]
    fn what_an_answer_depends_on_makes_another_question() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(Question::row(1, one), Question::row(1, one));
        assert_ne!(Question::row(1, one), Question::row(1, other));
        assert_ne!(Question::row(1, one), Question::row(2, one), "the tenant has moved");
        let select = |value: &str| Statement::from_sql_and_values(DbBackend::Sqlite, "SELECT $1", [value.into()]);
        assert_ne!(Question::rows(1, &select("a")), Question::rows(1, &select("b")));
        assert_ne!(Question::names([b"a".as_slice(), b"bc"]), Question::names([b"ab".as_slice(), b"c"]));
    }
}
