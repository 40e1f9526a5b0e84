//! How many statements a request sends: one more is paid by every request from then on.

use std::sync::{Arc, Mutex};

use serde_json::json;
use testkit::TestDatabase;

use crate::support::{Call, TestApp};

/// Statements on these tables are counted: others are sent beside requests, when it is their time.
const TABLES: [&str; 4] = ["\"tenants\"", "\"users\"", "\"posts\"", "\"idempotency_keys\""];

/// An application, and what it sends.
struct Watched {
    app: TestApp,
    sent: Arc<Mutex<Vec<String>>>,
}

impl Watched {
    async fn start(cache: &str) -> Self {
        let sent = Arc::<Mutex<Vec<String>>>::default();
        let keep = Arc::clone(&sent);
        let observer: entity::Observer = Arc::new(move |observed| {
            if TABLES.iter().any(|table| observed.sql.contains(table)) {
                keep.lock().unwrap().push(observed.sql.to_owned());
            }
        });
        let settings = [("CACHE", cache), ("TENANT_CACHE_TTL", "15s")];
        Self { app: TestApp::observed(TestDatabase::postgres().await, &settings, observer).await, sent }
    }

    /// Sends it, and fails if it took another number of statements.
    async fn takes(&self, statements: usize, status: u16, what: &str, call: Call) {
        self.sent.lock().unwrap().clear();
        call.send().await.expect(status);
        let sent = std::mem::take(&mut *self.sent.lock().unwrap());
        assert_eq!(sent.len(), statements, "{what}: {sent:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_sends_no_more_statements_than_it_must() {
    // How many more each takes to find the tenant.
    for (cache, more) in [("tenants", 0), ("off", 1)] {
        let watched = Watched::start(cache).await;
        let app = &watched.app;
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let post = app.post_of(&acme, &ada.id, "First").await;
        app.post_of(&acme, &ada.id, "Second").await;
        let (admin, member) = (acme.token("admin"), acme.token_of("member", &ada.id));
        let path = format!("/v1/posts/{}", post.id);
        // Known from here on, where it can be.
        app.get("/v1/tenant").bearer(&admin).send().await.expect(200);

        let reads = [
            ("the tenant itself", 0, "/v1/tenant".to_owned()),
            ("a post", 1, path.clone()),
            ("a user", 1, format!("/v1/users/{}", ada.id)),
            ("the first page", 1, "/v1/posts?limit=1".to_owned()),
            ("a search", 1, "/v1/posts?q=first".to_owned()),
            ("a user's posts, once it is known to be there", 2, format!("/v1/users/{}/posts", ada.id)),
            ("a numbered page, with how many there are", 2, "/v1/posts?page=1".to_owned()),
            ("users with their posts", 2, "/v1/users?include=posts".to_owned()),
        ];
        for (what, statements, path) in reads {
            watched.takes(statements + more, 200, what, app.get(&path).bearer(&admin)).await;
        }
        let draft = json!({"title": "New"});
        watched.takes(1 + more, 201, "making a post", app.post("/v1/posts").bearer(&member).json(&draft)).await;
        let change = json!({"title": "Changed"});
        let patch = || app.patch(&path).json(&change);
        watched.takes(1 + more, 200, "changing a post", patch().bearer(&admin)).await;
        watched.takes(1 + more, 200, "changing one's own", patch().bearer(&member)).await;
        watched.takes(1 + more, 204, "deleting a post", app.delete(&path).bearer(&member)).await;
        watched.takes(0, 401, "a request of nobody", app.get("/v1/posts")).await;
    }
}
