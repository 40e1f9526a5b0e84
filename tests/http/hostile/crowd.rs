//! Members of two tenants at once, over the same few connections, some of them gone before their answer is there.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Side, World};
use crate::every_fleet;
use crate::support::TestApp;

const CLIENTS: usize = 12;
const ROUNDS: usize = 25;

/// Reads everything of one tenant, again and again: it is always all of it, and never the other's.
async fn read_on(world: &World, own: &Side, other: &Side) {
    let token = own.tenant.token("viewer");
    for _ in 0..ROUNDS {
        for (path, rows) in [("/v1/users?include=posts", own.users.len()), ("/v1/posts", own.posts.len())] {
            let answer = world.app.get(path).bearer(&token).send().await;
            assert!(answer.status < 500, "{path}: {answer:?}");
            assert_eq!(answer.data().len(), rows, "{path}: {}", answer.text);
            other.is_not_in(&answer, path);
        }
        let row = format!("/v1/posts/{}", other.posts[0].id);
        world.app.get(&row).bearer(&token).send().await.refused(404, "not_found");
    }
}

/// Writes, and hangs up while the answer is being made; or makes the database refuse.
async fn break_off(world: &World, own: &Side) {
    let token = own.tenant.token("admin");
    let email = own.users[0].json["email"].clone();
    for round in 0..ROUNDS {
        let patch = format!("/v1/posts/{}", own.posts[0].id);
        let call = world.app.patch(&patch).json(&serde_json::json!({ "content": round.to_string() })).bearer(&token);
        // Whether it is done by then or not: nothing of it may stay on the connection.
        let _ = tokio::time::timeout(Duration::from_micros(300 * round as u64), call.send()).await;
        let taken = serde_json::json!({ "name": "x", "email": email });
        world.app.post("/v1/users").json(&taken).bearer(&token).send().await.refused(409, "conflict");
    }
}

every_fleet! {
    async fn nobody_is_served_with_anothers_rows(app: TestApp) {
        let world = Arc::new(World::new(app).await);
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let world = Arc::clone(&world);
            clients.spawn(async move {
                let sides = [(&world.acme, &world.globex), (&world.globex, &world.acme)];
                let (own, other) = sides[number % 2];
                match number % 3 {
                    0 => break_off(&world, &world.acme).await,
                    _ => read_on(&world, own, other).await,
                }
            });
        }
        clients.join_all().await;
        world.victim_is_untouched().await;
    }
}
