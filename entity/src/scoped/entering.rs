//! Writes that stand alone: one statement changes or deletes one row, enters the place, and counts that.
//!
//! ```sql
//! UPDATE "posts" SET "title" = $1, ... WHERE "posts"."tenant_id" IS NOT DISTINCT FROM $5 AND "posts"."id" = $6
//!     AND "posts"."ctid" = (SELECT "read".* FROM (SELECT set_config(..., $7, true)::uuid AS "tenant") AS "bound"
//!         INNER JOIN LATERAL (SELECT "ctid" FROM "posts" WHERE "posts"."id" = $8 AND "posts"."tenant_id" = $9
//!             AND "posts"."tenant_id" = "bound"."tenant" LIMIT $10) AS "read" ON TRUE)
//! RETURNING "tenant_id", ...,
//!     CASE WHEN "bytes_change" <> 0 THEN enter_and_add("tenant_id", $11, $12, 0, 0, 0, "bytes_change") ELSE enter_place("tenant_id", $13) END
//! ```
//!
//! The place is entered last of all, when the row is locked: where the tenant has left, all of it is undone, and whoever moves the
//! tenant waits for those who got in before. By then it is known whether there is something to count, and so whether there is a slot of the tally to
//! enter by.
//!
//! In which order PostgreSQL joins a table that is changed to what binds the tenant is not for us to say. So the row's place in the
//! table is asked for first, as [reads](super::binding) are made, and PostgreSQL goes there: by that place, which is the shortest way
//! there is, or through all of a table of a few pages, where it looks at the policy last, because it costs most. If it ever took a way
//! that asks the policy before the tenant is bound, or if the row has moved meanwhile, nothing is changed: whoever sends this must be
//! prepared for that. The tenant's condition is put as it is because an equation would be compared with the setting once, before
//! all else.

use sea_orm::ColumnTrait;
use sea_orm::sea_query::{
    Alias, BinOper, CaseStatement, Condition, DeleteStatement, Expr, ExprTrait, Query, SimpleExpr, UpdateStatement,
};

use super::TenantScoped;
use crate::error::Error;
use crate::filter::Filter;
use crate::place::fence_lock;
use crate::resource::Mapped;
use crate::tally::{CHANGE, Counted};

/// PostgreSQL's name for where a row is in its table.
const PLACE: &str = "ctid";

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Mapped> TenantScoped<R> {
    /// The number of the tenant's fence.
    pub(super) fn fence(&self) -> i64 {
        fence_lock(self.session.tenant)
    }

    /// The call that enters the place, and answers with the tenant once it is bound.
    pub(super) fn enter(&self, schema: Option<&str>, tenant: SimpleExpr) -> SimpleExpr {
        call(schema, migration::ENTER, vec![tenant, Expr::val(self.fence())])
    }

    /// The same by a slot of the tally, to which it adds rows and bytes of users and of posts.
    pub(super) fn enter_and_add(
        &self,
        schema: Option<&str>,
        tenant: SimpleExpr,
        slot: i64,
        amounts: [SimpleExpr; 4],
    ) -> SimpleExpr {
        let given = [tenant, Expr::val(self.fence()), Expr::val(slot)];
        call(schema, migration::ENTER_AND_ADD, given.into_iter().chain(amounts).collect())
    }

    /// Makes an update one of the one row that matches, standing alone; it adds to this slot what the row has grown by.
    pub(super) fn update_alone(
        &self,
        update: &mut UpdateStatement,
        filter: &Filter<R>,
        slot: Option<i64>,
        schema: Option<&str>,
    ) -> Result<(), Error> {
        update.cond_where(self.where_it_is(filter, schema)?);
        if let Some(schema) = schema {
            update.table((Alias::new(schema), R::Entity::default()));
        }
        let enters = self.enter(schema, Expr::col(R::TENANT));
        let enters = match R::COUNTED.zip(slot) {
            Some((counted, slot)) => {
                let change = || Expr::col(Alias::new(CHANGE));
                let counts = self.counts(schema, &counted, slot, 0, change());
                CaseStatement::new().case(change().ne(Expr::cust("0")), counts).finally(enters).into()
            }
            None => enters,
        };
        update.returning(Query::returning().exprs(Self::columns().map(Expr::col).chain([enters])));
        Ok(())
    }

    /// Makes a deletion one of the one row that matches, standing alone; it takes from this slot what the row had.
    pub(super) fn delete_alone(
        &self,
        delete: &mut DeleteStatement,
        filter: &Filter<R>,
        slot: Option<i64>,
        schema: Option<&str>,
    ) -> Result<(), Error> {
        delete.cond_where(self.where_it_is(filter, schema)?);
        if let Some(schema) = schema {
            delete.from_table((Alias::new(schema), R::Entity::default()));
        }
        delete.returning(Query::returning().expr(match R::COUNTED.zip(slot) {
            Some((counted, slot)) => {
                self.counts(schema, &counted, slot, -1, Expr::cust("0").sub(Expr::col(counted.bytes)))
            }
            None => self.enter(schema, Expr::col(R::TENANT)),
        }));
        Ok(())
    }

    /// The one row of the tenant's that matches, at the place where it is found once the tenant is bound.
    fn where_it_is(&self, filter: &Filter<R>, schema: Option<&str>) -> Result<Condition, Error> {
        let mut find = Query::select();
        find.column(Alias::new(PLACE)).from(R::Entity::default()).cond_where(self.within(filter.clone())?).limit(1);
        let found = self.binding(&find, schema);
        let tenant = R::TENANT.into_expr().binary(BinOper::Custom("IS NOT DISTINCT FROM"), self.session.tenant);
        let place = Expr::col((R::Entity::default(), Alias::new(PLACE)));
        let matches = filter.clone().into_condition()?;
        Ok(Condition::all().add(tenant).add(matches).add(place.eq(SimpleExpr::from(found))))
    }

    /// The call that enters and counts. Such a statement holds the row's lock when it adds to a slot and waits for nobody after that, as a
    /// transaction does that adds as its last statement: so it shares those slots.
    fn counts(
        &self,
        schema: Option<&str>,
        counted: &Counted<R::Column>,
        slot: i64,
        rows: i64,
        bytes: SimpleExpr,
    ) -> SimpleExpr {
        let mut amounts = [(); 4].map(|()| Expr::cust("0"));
        let first = 2 * counted.table as usize;
        (amounts[first], amounts[first + 1]) = (Expr::cust(rows.to_string()), bytes);
        self.enter_and_add(schema, Expr::col(R::TENANT), slot, amounts)
    }
}

/// A call of one of the place's functions.
fn call(schema: Option<&str>, name: &str, arguments: Vec<SimpleExpr>) -> SimpleExpr {
    let name = schema.map_or_else(|| name.to_owned(), |schema| format!("\"{schema}\".{name}"));
    let placeholders: Vec<String> = (1..=arguments.len()).map(|number| format!("${number}")).collect();
    Expr::cust_with_exprs(format!("{name}({})", placeholders.join(", ")), arguments)
}
