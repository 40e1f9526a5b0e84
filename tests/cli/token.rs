//! `token`: what it prints is let in.

use std::time::Duration;

use serde_json::json;
use testkit::TestDatabase;

use crate::support::{Request, SECRET, Server, Shell, on_both_databases};

on_both_databases!(tokens_are_good_for_what_they_say);

async fn tokens_are_good_for_what_they_say(database: TestDatabase) {
    let server = Server::start(Shell::on(&database));
    Shell::on(&database).prints("tenant create acme");
    let user = json!({"name": "Ada", "email": "ada@example.com"});
    let make = |token: &str| server.send(Request::post("/v1/users", &user).by(token));
    make(&server.token("--tenant acme --role viewer")).refuses(403, "forbidden");
    make(&server.token("--tenant acme --role member")).refuses(403, "forbidden");
    make(&server.token("--tenant nobody --role admin")).refuses(404, "tenant_not_found");
    let ada = make(&server.token("--tenant acme --role admin --ttl 30days")).is(201);

    let own = server.token(&format!("--tenant acme --role member --user {}", ada["id"].as_str().unwrap()));
    let post = server.send(Request::post("/v1/posts", &json!({"title": "Mine"})).by(&own)).is(201);
    assert_eq!(post["user_id"], ada["id"]);

    let platform = server.token("--platform --user Grace");
    server.send(Request::get("/admin/v1/tenants").by(&platform)).is(200);
    server.send(Request::get("/admin/v1/tenants").by(&own)).refuses(403, "forbidden");
    server.send(Request::get("/t/acme/v1/users").by(&platform)).is(200);
    let audit = server.send(Request::get("/admin/v1/audit?action=tenant.access").by(&platform)).is(200);
    assert_eq!(audit["data"][0]["actor"], "Grace");
}

#[tokio::test]
async fn a_token_ends_when_it_says() {
    let database = TestDatabase::sqlite().await;
    let server = Server::start(Shell::on(&database));
    let short = server.token("--platform --ttl 2s");
    server.send(Request::get("/admin/v1/tenants").by(&short)).is(200);
    tokio::time::sleep(Duration::from_millis(2100)).await;
    server.send(Request::get("/admin/v1/tenants").by(&short)).refuses(401, "unauthenticated");
}

#[tokio::test]
async fn issuer_and_audience_are_written_and_asked_for() {
    let database = TestDatabase::sqlite().await;
    let shell = || Shell::on(&database).with("JWT_ISSUER", "https://issuer.example").with("JWT_AUDIENCE", "tenantry");
    let server = Server::start(shell());
    let tenants = |token: &str| server.send(Request::get("/admin/v1/tenants").by(token.trim_end()));
    tenants(&shell().prints("token --platform")).is(200);
    for other in [
        shell().with("JWT_ISSUER", "https://other.example"),
        shell().with("JWT_AUDIENCE", "other"),
        shell().without("JWT_ISSUER"),
        shell().without("JWT_AUDIENCE"),
        shell().with("JWT_SECRET", "another secret that is long enough, too"),
    ] {
        tenants(&other.prints("token --platform")).refuses(401, "unauthenticated");
    }
}

#[test]
fn only_the_token_is_printed_and_no_database_is_needed() {
    let shell = Shell::bare().with("JWT_SECRET", SECRET);
    let printed = shell.prints("token --platform");
    assert_eq!(printed.lines().count(), 1);
    assert_eq!(printed.trim_end().split('.').count(), 3);
    assert!(!shell.directory().join("data").exists());
}

#[test]
fn without_the_secret_nothing_is_signed() {
    assert!(Shell::bare().fails("token --platform").contains("JWT_SECRET"));
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/ed25519-public.pem");
    let reason = Shell::bare().with("JWT_PUBLIC_KEY_FILE", key).fails("token --platform");
    assert!(reason.contains("JWT_SECRET"), "{reason}");
}
