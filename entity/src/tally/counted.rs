//! Which rows count, and how a row's bytes are known without reading it.

use sea_orm::sea_query::{Expr, ExprTrait, Func, SimpleExpr};
use sea_orm::{ColumnTrait, Value};

/// The column that a write leaves its difference in.
pub(crate) const CHANGE: &str = "bytes_change";

/// The tables that count, in the order of their columns in the tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tallied {
    Users,
    Posts,
}

impl Tallied {
    pub(crate) const ALL: [Self; 2] = [Self::Users, Self::Posts];

    pub(crate) fn table(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Posts => "posts",
        }
    }

    /// The columns of its rows and of their bytes in the tally.
    pub(crate) fn columns(self) -> [&'static str; 2] {
        match self {
            Self::Users => ["users_rows", "users_bytes"],
            Self::Posts => ["posts_rows", "posts_bytes"],
        }
    }
}

/// What one statement adds to a tally.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Added {
    pub(crate) table: Tallied,
    pub(crate) rows: i64,
    pub(crate) bytes: i64,
}

/// What a resource whose rows count says of itself.
pub(crate) struct Counted<C: 'static> {
    pub(crate) table: Tallied,
    /// How many bytes the row's texts measured as they were sent.
    pub(crate) bytes: C,
    /// The texts that are stored as they were sent.
    pub(crate) plain: &'static [C],
    /// The text that may be stored otherwise.
    pub(crate) content: Option<C>,
}

impl<C: ColumnTrait> Counted<C> {
    /// How many bytes a row has after a change that sets texts of these sizes. In an `UPDATE`, columns are what they were: so
    /// the size of what may be stored otherwise is what the row's bytes leave.
    pub(crate) fn after(&self, sizes: &[(C, i64)]) -> SimpleExpr {
        let length = |column: C| Expr::expr(Func::cust("octet_length").arg(Expr::col(column)));
        if let Some(content) = self.content.and_then(|content| size_of(content, sizes)) {
            let part = |column: C| size_of(column, sizes).map_or_else(|| length(column), Expr::val);
            return self.plain.iter().fold(Expr::val(content), |sum, column| sum.add(part(*column)));
        }
        let changed = self.plain.iter().filter_map(|column| size_of(*column, sizes).map(|size| (*column, size)));
        changed.fold(Expr::col(self.bytes), |sum, (column, size)| sum.add(size).sub(length(column)))
    }

    /// What a change of texts of these sizes adds to the row's bytes.
    pub(crate) fn difference(&self, sizes: &[(C, i64)]) -> SimpleExpr {
        if sizes.is_empty() { Expr::val(NOTHING) } else { self.after(sizes).sub(Expr::col(self.bytes)) }
    }

    /// The values in [`after`](Self::after), and in the [`difference`](Self::difference), in their order.
    pub(crate) fn values(&self, sizes: &[(C, i64)]) -> Vec<Value> {
        if sizes.is_empty() {
            return vec![Value::from(NOTHING)];
        }
        let said = self.content.iter().chain(self.plain);
        said.filter_map(|column| size_of(*column, sizes)).map(Value::from).collect()
    }
}

/// How many bytes are added where no text is set.
const NOTHING: i64 = 0;

fn size_of<C: ColumnTrait>(column: C, sizes: &[(C, i64)]) -> Option<i64> {
    sizes.iter().find(|(own, _)| own.as_str() == column.as_str()).map(|(_, size)| *size)
}

/// Rows of another resource that are deleted with a row.
pub(crate) struct Dependents {
    pub(crate) table: Tallied,
    /// Their column that names the row.
    pub(crate) column: &'static str,
}
