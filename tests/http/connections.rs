//! How many connections are opened, and what happens when all are taken.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use testkit::TestDatabase;
use tokio::task::JoinHandle;

use crate::expect::{at_once, count};
use crate::support::{TestApp, tokens};

const OPEN: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tenantry'";

#[tokio::test(flavor = "multi_thread")]
async fn no_more_connections_are_opened_than_the_budget_allows() {
    let budget = [("CONNECTION_BUDGET", "5"), ("POOL_MAX", "50")];
    let app = TestApp::with(TestDatabase::postgres().await, &budget).await;
    let acme = app.tenant("acme").await;
    let ada = app.user(&acme, "ada").await;
    let (own, platform) = (acme.token_of("member", &ada.id), tokens::platform());
    let mixed = (0..60).map(|number| match number % 3 {
        0 => app.get("/v1/posts").bearer(&own),
        1 => app.post("/v1/posts").bearer(&own).json(&json!({"title": "x"})),
        _ => app.get("/admin/v1/tenants").bearer(&platform),
    });
    let answers = at_once(mixed).await;
    assert_eq!((count(&answers, 200), count(&answers, 201)), (40, 20));
    let open = app.database.number(OPEN).await;
    assert!((2..=5).contains(&open), "{open} connections are open");
}

/// Locks every user for this long; the lock is held when this comes back.
async fn lock_users(app: &Arc<TestApp>, seconds: u32) -> JoinHandle<()> {
    let holder = Arc::clone(app);
    let lock = tokio::spawn(async move {
        let sql = format!("BEGIN; SELECT FROM users FOR UPDATE; SELECT pg_sleep({seconds}); COMMIT");
        holder.database.execute(&sql).await;
    });
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    while app.database.number(asleep).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    lock
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_too_long_for_a_connection_is_asked_to_come_back() {
    let one = [("CONNECTION_BUDGET", "2"), ("POOL_MAX", "1")];
    let app = Arc::new(TestApp::with(TestDatabase::postgres().await, &one).await);
    let acme = app.tenant("acme").await;
    let ada = app.user(&acme, "ada").await;
    let lock = lock_users(&app, 7).await;
    let rename = app.patch(&format!("/v1/users/{}", ada.id)).bearer(&acme.token("admin"));
    let holding = tokio::spawn(rename.json(&json!({"name": "Ada King"})).send());
    tokio::time::sleep(Duration::from_millis(300)).await;

    let refused = app.get("/v1/users").bearer(&acme.token("viewer")).send().await.refused(503, "unavailable");
    assert!(refused.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    app.get("/admin/v1/tenants").bearer(&tokens::platform()).send().await.expect(200);

    lock.await.expect("no panic");
    assert_eq!(holding.await.expect("no panic").expect(200).json()["name"], "Ada King");
    app.get("/v1/users").bearer(&acme.token("viewer")).send().await.expect(200);
}
