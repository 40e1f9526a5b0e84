//! `openapi`: the same document wherever it is read.

use std::path::Path;

use serde_json::Value;
use testkit::TestDatabase;

use crate::support::{Request, Server, Shell};

#[tokio::test]
async fn the_command_prints_what_the_server_serves() {
    let database = TestDatabase::sqlite().await;
    let printed = Shell::bare().prints_json("openapi");
    assert_eq!(printed["info"]["title"], "Tenantry");
    assert!(printed["openapi"].as_str().unwrap().starts_with("3.1"));
    let server = Server::start(Shell::on(&database));
    assert_eq!(server.send(Request::get("/openapi.json")).is(200), printed);
}

#[test]
fn the_document_in_the_repository_is_the_newest() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let kept = std::fs::read_to_string(&file).expect("docs/openapi.json: write it with `tenantry openapi`");
    assert!(
        serde_json::from_str::<Value>(&kept).expect("JSON") == Shell::bare().prints_json("openapi"),
        "docs/openapi.json is stale: run `cargo run -- openapi > docs/openapi.json`"
    );
}
