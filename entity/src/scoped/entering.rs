//! Writes that stand alone: one statement inserts, changes or deletes one row, enters the place, and counts that.
//!
//! An insert enters first, by the slot of the tally that it adds to:
//!
//! ```sql
//! WITH "entered" ("tenant_id") AS (
//!     INSERT INTO "tallies" ("tenant_id", "slot", "posts_rows", "posts_bytes", ...)
//!     SELECT CASE WHEN set_config('app.current_tenant_id', CAST($1 AS text), true) IS NOT NULL THEN $2 END, $3, 1, $4, ...
//!     ON CONFLICT ("tenant_id", "slot") DO UPDATE SET "posts_rows" = "tallies"."posts_rows" + "excluded"."posts_rows", ...
//!     RETURNING CASE WHEN "posts_rows" = 1 THEN enter_place("tenant_id", $5) ELSE "tenant_id" END)
//! INSERT INTO "posts" ("tenant_id", "id", ...) SELECT "tenant_id", $6, ... FROM "entered"
//! ```
//!
//! A change has its row first, and enters last of all, when it is known whether there is something to count:
//!
//! ```sql
//! WITH "changed" AS (
//!     UPDATE "posts" SET "title" = $1, ... WHERE "posts"."tenant_id" IS NOT DISTINCT FROM $5 AND "posts"."id" = $6
//!         AND "posts"."ctid" = (SELECT "ctid" FROM "posts" WHERE "posts"."id" = $7 AND "posts"."tenant_id" = $8
//!             AND (SELECT set_config('app.current_tenant_id', CAST($9 AS text), true)) IS NOT NULL)
//!     RETURNING "tenant_id", ..., "bytes_change"),
//! "counted" AS (
//!     INSERT INTO "tallies" (...) SELECT "tenant_id", $10, 0, "bytes_change", ... FROM "changed" WHERE "bytes_change" <> 0
//!     ON CONFLICT ... RETURNING "posts_bytes")
//! SELECT "tenant_id", ...,
//!     CASE WHEN "bytes_change" = coalesce((SELECT "posts_bytes" FROM "counted"), 0) THEN enter_place("tenant_id", $11) END FROM "changed"
//! ```
//!
//! A slot is there only while the tenant is, and whoever moves the tenant removes it and waits for those who have written to it. Whether
//! it was there is seen by what is in it afterwards: where that is no more than what was added, it may be new, and the place is entered by
//! the fence. It is `INSERT ... ON CONFLICT` because that finds the slot by its key, however PostgreSQL would look for it in a table of a few
//! rows. Where the tenant has left, all of the statement is undone.
//!
//! In which order PostgreSQL joins a table that is changed to what binds the tenant is not for us to say. So the row's place in the
//! table is asked for first, as [reads](super::binding) are made, and PostgreSQL goes there: by that place, which is the shortest way
//! there is, or through all of a table of a few pages, where it looks at the policy last, because it costs most. If it ever took a way
//! that asks the policy before the tenant is bound, or if the row has moved meanwhile, nothing is changed: whoever sends this must be
//! prepared for that. The tenant's condition is put as it is because an equation would be compared with the setting once, before
//! all else.

use sea_orm::sea_query::{
    Alias, BinOper, CaseStatement, CommonTableExpression, Condition, DeleteStatement, Expr, ExprTrait, Func,
    InsertStatement, Query, SelectStatement, SimpleExpr, SubQueryStatement, UpdateStatement, WithClause,
};
use sea_orm::{ColumnTrait, Statement};

use super::TenantScoped;
use crate::error::Error;
use crate::filter::Filter;
use crate::place::fence_lock;
use crate::resource::Mapped;
use crate::tally::{Added, Adding, CHANGE};

/// PostgreSQL's name for where a row is in its table.
const PLACE: &str = "ctid";

/// The parts with which a statement begins: the place is entered, or the row is changed, and that is counted.
const ENTERED: &str = "entered";
const CHANGED: &str = "changed";
const COUNTED: &str = "counted";

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Mapped> TenantScoped<R> {
    /// The number of the tenant's fence.
    pub(super) fn fence(&self) -> i64 {
        fence_lock(self.session.tenant)
    }

    /// The call that enters the place, and answers with the tenant once it is bound.
    pub(super) fn enter(&self, schema: Option<&str>, tenant: SimpleExpr) -> SimpleExpr {
        let name = migration::ENTER;
        let name = schema.map_or_else(|| name.to_owned(), |schema| format!("\"{schema}\".{name}"));
        Expr::cust_with_exprs(format!("{name}($1, $2)"), [tenant, Expr::val(self.fence())])
    }

    /// Makes an insert one of this row, which has the tenant yet to come; it enters by this slot, to which it adds the row's bytes.
    pub(super) fn insert_counted(
        &self,
        insert: &mut InsertStatement,
        row: impl IntoIterator<Item = SimpleExpr>,
        slot: i64,
        Added { table, bytes, .. }: Added,
        schema: Option<&str>,
    ) {
        let tenant = || Expr::col(R::TENANT);
        let [rows, _] = table.columns();
        let may_be_new = Expr::col(Alias::new(rows)).eq(Expr::cust("1"));
        let entered = CaseStatement::new().case(may_be_new, self.enter(schema, tenant())).finally(tenant());
        let adding = Adding { table, tenant: self.bound(), slot, rows: Expr::cust("1"), bytes: Expr::val(bytes) };
        let adding = adding.insert(schema, |_| {}, Query::returning().expr(entered));
        let mut entered = named(ENTERED, adding);
        entered.column(R::TENANT);
        let row = Query::select().column(R::TENANT).exprs(row).from(Alias::new(ENTERED)).take();
        // Cannot fail: there are as many as there are columns.
        let _ = insert.with_cte(WithClause::new().cte(entered).to_owned()).select_from(row);
    }

    /// Makes an update one of the one row that matches, standing alone; it adds to this slot what the row has grown by.
    pub(super) fn update_alone(
        &self,
        mut update: UpdateStatement,
        filter: &Filter<R>,
        slot: Option<i64>,
        schema: Option<&str>,
    ) -> Result<Statement, Error> {
        update.cond_where(self.where_it_is(filter, schema)?);
        if let Some(schema) = schema {
            update.table((Alias::new(schema), R::Entity::default()));
        }
        let (tenant, columns) = (|| Expr::col(R::TENANT), Self::columns().map(Expr::col));
        let Some((counted, slot)) = R::COUNTED.zip(slot) else {
            update.returning(Query::returning().exprs(columns.chain([self.enter(schema, tenant())])));
            return Ok(self.build(&update));
        };
        let change = || Expr::col(Alias::new(CHANGE));
        update.returning(Query::returning().exprs(columns.chain([change()])));
        let [_, bytes] = counted.table.columns();
        let adding = Adding { table: counted.table, tenant: tenant(), slot, rows: Expr::cust("0"), bytes: change() };
        let grew = change().ne(Expr::cust("0"));
        let from = |added: &mut SelectStatement| {
            added.from(Alias::new(CHANGED)).and_where(grew);
        };
        let adding = adding.insert(schema, from, Query::returning().column(Alias::new(bytes)));
        let may_be_new = change().eq(Func::coalesce([sum(bytes), Expr::cust("0")]));
        let enters = CaseStatement::new().case(may_be_new, self.enter(schema, tenant()));
        Ok(self.build(
            Query::select()
                .columns(Self::columns())
                .expr(enters)
                .from(Alias::new(CHANGED))
                .with_cte(with(update, adding)),
        ))
    }

    /// Makes a deletion one of the one row that matches, standing alone; it takes from this slot what the row had.
    pub(super) fn delete_alone(
        &self,
        mut delete: DeleteStatement,
        filter: &Filter<R>,
        slot: Option<i64>,
        schema: Option<&str>,
    ) -> Result<Statement, Error> {
        delete.cond_where(self.where_it_is(filter, schema)?);
        if let Some(schema) = schema {
            delete.from_table((Alias::new(schema), R::Entity::default()));
        }
        let tenant = || Expr::col(R::TENANT);
        let Some((counted, slot)) = R::COUNTED.zip(slot) else {
            delete.returning(Query::returning().expr(self.enter(schema, tenant())));
            return Ok(self.build(&delete));
        };
        delete.returning(Query::returning().columns([R::TENANT, counted.bytes]));
        let (one, bytes) = (|| Expr::cust("-1"), Expr::cust("0").sub(Expr::col(counted.bytes)));
        let [rows, _] = counted.table.columns();
        let adding = Adding { table: counted.table, tenant: tenant(), slot, rows: one(), bytes };
        let from = |added: &mut SelectStatement| {
            added.from(Alias::new(CHANGED));
        };
        let adding = adding.insert(schema, from, Query::returning().column(Alias::new(rows)));
        let enters = CaseStatement::new().case(sum(rows).eq(one()), self.enter(schema, tenant()));
        Ok(self.build(Query::select().expr(enters).from(Alias::new(CHANGED)).with_cte(with(delete, adding))))
    }

    /// The one row of the tenant's that matches, at the place where it is found once the tenant is bound.
    fn where_it_is(&self, filter: &Filter<R>, schema: Option<&str>) -> Result<Condition, Error> {
        let mut found = Query::select();
        found.column(Alias::new(PLACE)).from(R::Entity::default()).cond_where(self.within(filter.clone())?);
        self.stand_alone(&mut found, schema);
        let tenant = R::TENANT.into_expr().binary(BinOper::Custom("IS NOT DISTINCT FROM"), self.session.tenant);
        let place = Expr::col((R::Entity::default(), Alias::new(PLACE)));
        let matches = filter.clone().into_condition()?;
        Ok(Condition::all().add(tenant).add(matches).add(place.eq(SimpleExpr::from(found))))
    }
}

/// What is first done to a row, and then to the tally.
fn with(changed: impl Into<SubQueryStatement>, counted: InsertStatement) -> WithClause {
    WithClause::new().cte(named(CHANGED, changed)).cte(named(COUNTED, counted)).to_owned()
}

fn named(name: &'static str, statement: impl Into<SubQueryStatement>) -> CommonTableExpression {
    CommonTableExpression::new().query(statement).table_name(Alias::new(name)).to_owned()
}

/// What is in the slot, if there was something to add to it.
fn sum(column: &'static str) -> SimpleExpr {
    SimpleExpr::from(Query::select().column(Alias::new(column)).from(Alias::new(COUNTED)).take())
}
