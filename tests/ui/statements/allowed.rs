//! How a handler says which rows, in which order, with which values.

use entity::{Direction, Error, Filter, List, Operand, Post, PostColumn, TenantScoped, User, UserChanges, UserColumn};

pub fn which(text: &str) -> Filter<User> {
    let named = Filter::eq(UserColumn::Name, text).or(Filter::contains(UserColumn::Email, text));
    named.and(Filter::is_in(UserColumn::Name, [Operand::from("ada"), Operand::from("bob")]).not())
}

pub async fn in_order(users: TenantScoped<User>, posts: TenantScoped<Post>) -> Result<u64, Error> {
    let list: List<'_, User> = users.list(which("ada"));
    let page = list.order_by(UserColumn::Name, Direction::Descending).page(1, 20).await?;
    let titled = posts.list(Filter::ge(PostColumn::Title, "m")).oldest_first().slice(None, 20).await?;
    Ok(page.total + titled.rows.len() as u64)
}

pub async fn changed(users: TenantScoped<User>, user: User, changes: UserChanges) -> Result<Option<User>, Error> {
    users.update(user.id, Filter::eq(UserColumn::Version, user.version), changes).await
}
