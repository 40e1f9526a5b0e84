//! Adding to a slot of the tally, as a part of a statement that stands alone.

use sea_orm::sea_query::{
    Alias, Expr, ExprTrait, InsertStatement, OnConflict, Query, ReturningClause, SelectStatement, SimpleExpr,
};

use super::counted::Tallied;

/// The key of a slot.
const KEY: [&str; 2] = ["tenant_id", "slot"];

/// What is added to a slot of the tally, which is made if it is not there.
pub(crate) struct Adding {
    pub(crate) table: Tallied,
    pub(crate) tenant: SimpleExpr,
    pub(crate) slot: i64,
    pub(crate) rows: SimpleExpr,
    pub(crate) bytes: SimpleExpr,
}

impl Adding {
    /// The statement that does it. `from` says where columns come from, if there are any in what is added.
    pub(crate) fn insert(
        self,
        schema: Option<&str>,
        from: impl FnOnce(&mut SelectStatement),
        returning: ReturningClause,
    ) -> InsertStatement {
        let table = || Alias::new(migration::TALLIES);
        let own = self.table.columns();
        let others = Tallied::ALL.into_iter().filter(|other| *other != self.table).flat_map(Tallied::columns);
        let mut added = Query::select();
        added.exprs([self.tenant, Expr::val(self.slot), self.rows, self.bytes]);
        added.exprs(others.clone().map(|_| Expr::cust("0")));
        from(&mut added);
        let column = |of, column| Expr::col((of, Alias::new(column)));
        let grown = |name| column(table(), name).add(column(Alias::new("excluded"), name));
        let mut conflict = OnConflict::columns(KEY.map(Alias::new));
        conflict.values(own.map(|name| (Alias::new(name), grown(name))));
        let mut insert = Query::insert();
        match schema {
            Some(schema) => insert.into_table((Alias::new(schema), table())),
            None => insert.into_table(table()),
        };
        insert.columns(KEY.into_iter().chain(own).chain(others).map(Alias::new));
        // Cannot fail: there are as many as there are columns.
        let _ = insert.select_from(added);
        insert.on_conflict(conflict).returning(returning).take()
    }
}
