//! `serve`: how it starts, what it logs, where its settings come from.

use std::net::TcpListener;
use std::process::Command;

use serde_json::json;
use testkit::TestDatabase;

use crate::support::{Request, SECRET, Server, Shell, emptied, on_both_databases, wait_for};

on_both_databases!(the_log_tells_which_request_of_which_tenant, an_empty_database_is_migrated_first);

async fn the_log_tells_which_request_of_which_tenant(database: TestDatabase) {
    let server = Server::start(Shell::on(&database));
    assert_ne!(server.address.port(), 0, "the port that was picked is logged");
    let admin = server.with_tenant("acme");
    let answer = server.send(Request::get("/v1/users").by(&admin).with("X-Request-ID", "the-one"));
    let tenant = answer.is(200)["data"][0]["tenant_id"].clone();
    assert_eq!(answer.header("x-request-id"), Some("the-one"));
    server.send(Request::get("/healthz").with("X-Request-ID", "of-nobody")).is(200);

    let line = |id: &str| wait_for(id, || server.log().into_iter().find(|line| line["request_id"] == id));
    let one = line("the-one");
    assert_eq!(
        (&one["message"], &one["tenant"], &one["method"], &one["route"], &one["status"]),
        (&json!("request"), &tenant, &json!("GET"), &json!("/v1/users"), &json!(200))
    );
    assert!(one["timestamp"].is_string() && one["level"] == "INFO" && one["duration_ms"].is_number(), "{one}");
    let other = line("of-nobody");
    assert!(other.get("tenant").is_none() && other["route"] == "/healthz", "{other}");
    assert!(!format!("{:?}", server.log()).contains(&admin), "tokens are not logged");
}

#[tokio::test]
async fn a_compressed_answer_unpacks_to_the_same() {
    let database = TestDatabase::sqlite().await;
    let server = Server::start(Shell::on(&database));
    let document = server.send(Request::get("/openapi.json"));
    for encoding in ["gzip", "br"] {
        let accept = format!("Accept-Encoding: {encoding}");
        let url = format!("http://{}/openapi.json", server.address);
        let arguments = ["-sf", "--compressed", "-H", &accept, "-w", "\\n%{size_download}", &url];
        let output = Command::new("curl").args(arguments).output().expect("curl runs");
        let output = String::from_utf8(output.stdout).expect("text");
        let (unpacked, size) = output.rsplit_once('\n').expect("a size");
        assert!(unpacked == document.body, "{encoding}");
        assert!(size.parse::<usize>().unwrap() < document.body.len() / 4, "{encoding}: {size}");
    }
}

#[tokio::test]
async fn it_is_what_happens_without_a_command() {
    let database = TestDatabase::sqlite().await;
    let shell = Shell::on(&database).without("JWT_SECRET");
    assert_eq!(shell.fails(""), shell.fails("serve"));
}

#[tokio::test]
async fn without_a_key_it_does_not_start() {
    let database = TestDatabase::sqlite().await;
    for shell in [Shell::on(&database).without("JWT_SECRET"), Shell::on(&database).with("JWT_SECRET", "")] {
        let reason = shell.with("RUST_LOG", "info").fails("serve");
        assert_eq!(reason, "tenantry: no key to verify tokens with: set JWT_SECRET, JWT_PUBLIC_KEY_FILE or JWKS_FILE");
    }
}

#[tokio::test]
async fn a_public_key_is_enough() {
    let database = TestDatabase::sqlite().await;
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys");
    for (variable, file) in [("JWT_PUBLIC_KEY_FILE", "p256-public.pem"), ("JWKS_FILE", "jwks.json")] {
        let shell = Shell::on(&database).without("JWT_SECRET").with(variable, &format!("{keys}/{file}"));
        Server::start(shell).send(Request::get("/v1/users")).refuses(401, "unauthenticated");
    }
}

async fn an_empty_database_is_migrated_first(database: TestDatabase) {
    emptied(&database).await;
    let server = Server::start(Shell::on(&database));
    server.send(Request::get("/readyz")).is(200);
    server.with_tenant("acme");
}

#[tokio::test]
async fn a_taken_address_is_one_line() {
    let database = TestDatabase::sqlite().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let reason = Shell::on(&database).with("BIND_ADDR", &address).fails("serve");
    assert!(reason.contains(&format!("BIND_ADDR={address} cannot be listened on")), "{reason}");
}

#[test]
fn a_database_that_is_away_is_one_line_without_the_password() {
    let shell = Shell::bare().with("JWT_SECRET", SECRET);
    let reason = shell.with("DATABASE_URL", "postgres://serving:hunter2@127.0.0.1:1/none").fails("serve");
    assert!(reason.contains("the database cannot be opened") && !reason.contains("hunter2"), "{reason}");
}

#[tokio::test]
async fn settings_come_from_env_files_and_the_environment_wins() {
    let database = TestDatabase::sqlite().await;
    let shell = Shell::on(&database).without("JWT_SECRET").without("BIND_ADDR");
    let file = format!("# settings\nJWT_SECRET='{SECRET}'\nexport BIND_ADDR=127.0.0.1:0\nBODY_LIMIT=\"64B\"\n");
    std::fs::write(shell.directory().join(".env"), file).unwrap();
    let server = Server::start(shell.with("BODY_LIMIT", "128B"));
    let token = server.token("--platform");
    let tenant = |name: &str| Request::post("/admin/v1/tenants", &json!({"slug": "acme", "name": name})).by(&token);
    server.send(tenant(&"x".repeat(90))).is(201);
    server.send(tenant(&"x".repeat(110))).refuses(413, "payload_too_large");
}

#[test]
fn a_broken_env_file_is_one_line_that_says_where_and_not_what() {
    let shell = Shell::bare();
    std::fs::write(shell.directory().join(".env"), "JWT_ISSUER=me\nJWT_SECRET=hunter2 hunter2 hunter2\n").unwrap();
    let reason = shell.fails("serve");
    assert!(reason.starts_with("tenantry: .env: the line after JWT_ISSUER"), "{reason}");
    assert!(!reason.contains("hunter2"), "{reason}");
}

#[tokio::test]
async fn people_get_plain_text_on_standard_error() {
    let database = TestDatabase::sqlite().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let shell = Shell::on(&database).with("BIND_ADDR", &taken.local_addr().unwrap().to_string());
    let outcome = shell.run("serve").exited(1);
    assert_eq!(outcome.out(), "", "standard output is for results");
    let log = outcome.err();
    assert!(log.contains(" INFO ") && log.contains("the database is open"), "{log}");
    assert!(!log.contains('\u{1b}'), "colours are for terminals: {log:?}");
}
