//! Eager loading: rows with the rows that belong to them, in a fixed number of statements.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait, Func, Order, Query, SelectStatement, WindowStatement};
use uuid::Uuid;

use super::TenantScoped;
use crate::connection::Access;
use crate::entities::{post, user};
use crate::error::Error;
use crate::filter::Filter;

impl TenantScoped<user::Model> {
    /// Each user with its newest posts, at most `per_user`; users without posts stay. One statement, however many users.
    pub async fn with_posts(
        &self,
        users: Vec<user::Model>,
        per_user: u64,
    ) -> Result<Vec<(user::Model, Vec<post::Model>)>, Error> {
        let posts: TenantScoped<post::Model> = TenantScoped::new(self.session.clone());
        let mut by_user: HashMap<Uuid, Vec<post::Model>> = HashMap::new();
        if !users.is_empty() {
            let newest = posts.newest_of_each(users.iter().map(|user| user.id), per_user)?;
            let mut unit = posts.unit(Access::Read).await?;
            let rows = unit.rows(posts.build(&newest)).await?;
            unit.finish().await?;
            for post in posts.opened(&rows).await? {
                by_user.entry(post.user_id).or_default().push(post);
            }
        }
        Ok(users
            .into_iter()
            .map(|user| {
                let posts = by_user.remove(&user.id).unwrap_or_default();
                (user, posts)
            })
            .collect())
    }
}

impl TenantScoped<post::Model> {
    /// The newest posts of each of these users.
    fn newest_of_each(&self, users: impl Iterator<Item = Uuid>, per_user: u64) -> Result<SelectStatement, Error> {
        let mut by_user = WindowStatement::partition_by(post::Column::UserId);
        by_user.order_by(post::Column::Id, Order::Desc);
        let mut numbered = self.select(Filter::is_in(post::Column::UserId, users))?;
        numbered.expr_window_as(Func::cust("ROW_NUMBER"), by_user.take(), "place");
        let newest = Query::select()
            .columns(Self::columns())
            .from_subquery(numbered, "numbered")
            .and_where(Expr::col("place").lte(i64::try_from(per_user).unwrap_or(i64::MAX)))
            .order_by(post::Column::Id, Order::Desc)
            .take();
        Ok(newest)
    }
}
