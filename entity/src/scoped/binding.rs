//! Reads that bind the tenant themselves: one statement, in no transaction, and the policy holds as ever.
//!
//! ```sql
//! SELECT ... FROM "posts" WHERE "posts"."id" = $1 AND "posts"."tenant_id" = $2
//!     AND (SELECT set_config('app.current_tenant_id', CAST($3 AS text), true)) IS NOT NULL
//! ```
//!
//! The setting is local to the statement, as it would be to a transaction. A condition in which there is no column is a *one-time filter*:
//! PostgreSQL looks at it before it asks for the first row, because there may be none to ask for. It is in a select of its own because a
//! function that does something would be called for each row otherwise.
//!
//! That the setting is the tenant whom the statement names, which PostgreSQL concludes from the policy and the statement, may be such a
//! filter as well. It comes later, as sessions begin (`connection/sessions.rs`). If it ever came first, nothing would be found.

use migration::access::TENANT_SETTING;
use sea_orm::sea_query::{Alias, Expr, SelectStatement, SimpleExpr};

use super::TenantScoped;
use crate::resource::Mapped;

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Mapped> TenantScoped<R> {
    /// Makes a select from the resource's table one that stands alone.
    pub(super) fn stand_alone(&self, select: &mut SelectStatement, schema: Option<&str>) {
        if let Some(schema) = schema {
            // By its name: a table that is missing there must not be found elsewhere.
            select.from_clear().from((Alias::new(schema), R::Entity::default()));
        }
        select.and_where(Expr::cust_with_values(format!("(SELECT {}) IS NOT NULL", binds()), [self.session.tenant]));
    }

    /// The tenant, once it is bound until the statement ends.
    pub(super) fn bound(&self) -> SimpleExpr {
        Expr::cust_with_values(format!("CASE WHEN {} IS NOT NULL THEN $2 END", binds()), [self.session.tenant; 2])
    }
}

fn binds() -> String {
    format!("set_config('{TENANT_SETTING}', CAST($1 AS text), true)")
}
