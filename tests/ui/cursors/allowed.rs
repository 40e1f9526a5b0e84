//! A cursor from a client, read by the scope whose list it belongs to.

use entity::{Cursor, Error, Filter, Post, Slice, TenantScoped};
use uuid::Uuid;

pub async fn rest(posts: TenantScoped<Post>, text: &str) -> Result<Option<String>, Error> {
    let after: Cursor = posts.cursor(text)?;
    let slice: Slice<Post> = posts.list(Filter::all()).slice(Some(after), 20).await?;
    Ok(slice.next.map(|cursor| cursor.to_string()))
}

pub fn first(slice: Slice<Post>) -> Option<Uuid> {
    slice.rows.first().map(|post| post.id)
}
