//! What leaves the data crate: rows, and columns to filter and order by.

use entity::{Direction, Error, Filter, Insertable, Post, PostColumn, Resource, TenantScoped, User, UserColumn};

pub async fn by_name(users: TenantScoped<User>) -> Result<Vec<User>, Error> {
    let filter = Filter::eq(UserColumn::Email, "ada@example.com");
    Ok(users.list(filter).order_by(UserColumn::Name, Direction::Ascending).page(1, 20).await?.rows)
}

pub fn title() -> Filter<Post> {
    Filter::contains(PostColumn::Title, "tea")
}

pub fn any<R: Resource>() -> Filter<R> {
    Filter::all()
}

pub fn kept<R: Insertable>(new: R::New) -> R::New {
    new
}
