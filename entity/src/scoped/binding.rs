//! Reads that bind the tenant themselves: one statement, in no transaction, and the policy holds as ever.
//!
//! ```sql
//! SELECT "read".* FROM (SELECT set_config('app.current_tenant_id', $1, true)::uuid AS "tenant") AS "bound"
//! INNER JOIN LATERAL (SELECT ... WHERE ... AND "tenant_id" = $2 AND "tenant_id" = "bound"."tenant" LIMIT $3) AS "read" ON TRUE
//! ```
//!
//! The setting is local to the statement, as it would be to a transaction. PostgreSQL can only begin to read the table once it has
//! `"bound"."tenant"`, that is, once the setting is made: a limit or a count keeps the inner select from being merged into the
//! outer one, and a volatile function the other. If it ever were otherwise, the policy would show nothing.

use migration::access::TENANT_SETTING;
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Alias, Asterisk, Expr, ExprTrait, JoinType, Query, SelectStatement};

use super::TenantScoped;
use crate::resource::Mapped;

pub(super) const BOUND: &str = "bound";
pub(super) const TENANT: &str = "tenant";
const READ: &str = "read";

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Mapped> TenantScoped<R> {
    /// The same select from the resource's table, standing alone. It must have a limit or count.
    pub(super) fn binding(&self, select: &SelectStatement, schema: Option<&str>) -> SelectStatement {
        let set = format!("set_config('{TENANT_SETTING}', CAST($1 AS text), true)::uuid");
        let set = Expr::cust_with_values(set, [self.session.tenant]);
        let bound = Query::select().expr_as(set, Alias::new(TENANT)).take();
        let mut read = select.clone();
        if let Some(schema) = schema {
            // By its name: a table that is missing there must not be found elsewhere.
            read.from_clear().from((Alias::new(schema), R::Entity::default()));
        }
        read.and_where(R::TENANT.into_expr().eq(Expr::col((Alias::new(BOUND), Alias::new(TENANT)))));
        Query::select()
            .column((Alias::new(READ), Asterisk))
            .from_subquery(bound, Alias::new(BOUND))
            .join_lateral(JoinType::InnerJoin, read, Alias::new(READ), Expr::cust("TRUE"))
            .take()
    }
}
