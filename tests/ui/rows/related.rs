//! Walks from a row to related rows, which loads them without the tenant's condition.
//!
//! Must fail: models know no relations. `with_posts` loads a user's posts, with the tenant in the statement.

use entity::{Post, User};

pub async fn posts_of(user: User) {
    user.find_related();
}

pub async fn author_of(post: Post) {
    post.find_linked();
}

pub async fn load(users: Vec<User>) {
    users.load_many();
}
