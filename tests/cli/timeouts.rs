//! The limits on time and size: the client is told, and the server is as good as before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::TestDatabase;

use crate::support::{Request, Server, Shell, lock_users, on_both_databases};

on_both_databases! {
    a_body_that_comes_too_slowly_is_a_timeout,
    a_body_is_taken_up_to_the_limit,
}

async fn a_body_that_comes_too_slowly_is_a_timeout(database: TestDatabase) {
    let server = Server::start(Shell::on(&database).with("REQUEST_TIMEOUT", "500ms"));
    let admin = server.with_tenant("acme");
    let slow = Request::post("/v1/posts", &json!({"title": "Too late"})).by(&admin).begin(server.address, 5);
    let asked = Instant::now();
    slow.wait().refuses(504, "timeout");
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    server.send(Request::post("/v1/posts", &json!({"title": "In time"})).by(&admin)).is(201);
    assert_eq!(database.number("SELECT count(*) FROM posts").await, 1);
}

async fn a_body_is_taken_up_to_the_limit(database: TestDatabase) {
    let exact = json!({"title": "x".repeat(100)});
    let limit = exact.to_string().len();
    let server = Server::start(Shell::on(&database).with("BODY_LIMIT", &format!("{limit}B")));
    let admin = server.with_tenant("acme");
    let post = |body| server.send(Request::post("/v1/posts", body).by(&admin));
    post(&exact).is(201);
    post(&json!({"title": "x".repeat(101)})).refuses(413, "payload_too_large");
    // The other way to send a body says its length chunk by chunk.
    let chunk = format!("{:x}\r\n{exact} \r\n0\r\n\r\n", limit + 1);
    let chunked = Request::chunked_post("/v1/posts", &chunk).by(&admin);
    server.send(chunked).refuses(413, "payload_too_large");
    assert_eq!(database.number("SELECT count(*) FROM posts").await, 1);
}

/// With a connection to serve with for each request here, each time limit in turn ends requests that wait for a lock:
/// nothing else may suffer. One that was ended in the middle of a statement keeps its part of the budget until the server's
/// process has surely ended too.
async fn a_lock_costs_only_those_who_wait_for_it(limit: &str) {
    let database = Arc::new(TestDatabase::postgres().await);
    let shell = Shell::on(&database).with("CONNECTION_BUDGET", "4").with("POOL_MIN", "1").with(limit, "500ms");
    let server = Server::start(shell);
    let admin = server.with_tenant("acme");
    let user = server.send(Request::get("/v1/users").by(&admin)).is(200)["data"][0]["id"].clone();
    let path = format!("/v1/users/{}", user.as_str().unwrap());
    let rename = |name: &str| server.send(Request::patch(&path, &json!({"name": name})).by(&admin));

    let lock = lock_users(&database, 3).await;
    for _ in 0..2 {
        let asked = Instant::now();
        rename("Nobody").refuses(504, "timeout");
        assert!(asked.elapsed() < Duration::from_millis(1800), "{:?}", asked.elapsed());
        assert_eq!(server.send(Request::get(&path).by(&admin)).is(200)["name"], "Ada");
    }
    lock.await.unwrap();
    assert_eq!(rename("Ada King").is(200)["name"], "Ada King");
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    assert_eq!(database.number(waiting).await, 0, "no statement is left waiting");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_takes_too_long_is_a_timeout() {
    a_lock_costs_only_those_who_wait_for_it("REQUEST_TIMEOUT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_a_timeout() {
    a_lock_costs_only_those_who_wait_for_it("STATEMENT_TIMEOUT").await;
}
