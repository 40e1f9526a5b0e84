//! What is told to those who watch: traces, and statements that take long.

use std::sync::Arc;
use std::time::Instant;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Told;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;
use testkit::TestDatabase;

use crate::support::{Collector, Request, Server, Shell, lock_users, on_both_databases, wait_for};

on_both_databases! {
    a_request_is_a_span_with_its_statements_below_it,
    without_a_collector_nobody_waits,
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn traced(database: &TestDatabase, endpoint: &str) -> Shell {
    Shell::on(database).with("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).with("OTEL_BSP_SCHEDULE_DELAY", "50")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a span says under this name, as text.
fn told(span: &Span, name: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == name);
    match found.and_then(|attribute| attribute.value.clone()?.value) {
        Some(Told::StringValue(text)) => text,
        Some(Told::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

async fn a_request_is_a_span_with_its_statements_below_it(database: TestDatabase) {
    let collector = Collector::listening();
    let mut server = Server::start(traced(&database, &format!("http://{}", collector.address)));
    let admin = server.with_tenant("acme");
    let post = Request::post("/v1/posts", &json!({"title": "Whispered"})).by(&admin);
    let made = server.send(post.with("traceparent", &format!("00-{TRACE}-{CALLER}-01"))).is(201);

    let of_trace = || collector.spans().into_iter().filter(|span| hex(&span.trace_id) == TRACE).collect::<Vec<_>>();
    let spans = wait_for("the request's span", || {
        let spans = of_trace();
        spans.iter().any(|span| span.name == "POST /v1/posts").then_some(spans)
    });
    let request = spans.iter().find(|span| span.name == "POST /v1/posts").expect("it was seen");
    assert_eq!(hex(&request.parent_span_id), CALLER);
    assert_eq!(
        (told(request, "http.route"), told(request, "http.response.status_code")),
        ("/v1/posts".into(), "201".into())
    );
    assert_eq!(json!(told(request, "tenant.id")), made["tenant_id"]);

    let insert = spans.iter().find(|span| span.name == "INSERT").expect("the statement");
    assert_eq!(insert.parent_span_id, request.span_id);
    assert!(told(insert, "db.query.text").contains("INSERT INTO \"posts\""), "{insert:?}");
    server.terminate();
    assert!(server.wait().success());
    assert!(!collector.text().contains("Whispered"), "no value of a statement is told");
}

async fn without_a_collector_nobody_waits(database: TestDatabase) {
    // Nobody listens there.
    let mut server = Server::start(traced(&database, "http://127.0.0.1:1"));
    let admin = server.with_tenant("acme");
    let asked = Instant::now();
    for _ in 0..20 {
        server.send(Request::get("/v1/posts").by(&admin)).is(200);
    }
    assert!(asked.elapsed().as_secs() < 10, "{:?}", asked.elapsed());
    server.terminate();
    assert!(server.wait().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_statement_is_logged_without_its_values() {
    let database = Arc::new(TestDatabase::postgres().await);
    let server = Server::start(Shell::on(&database).with("SLOW_STATEMENT", "300ms"));
    let admin = server.with_tenant("acme");
    let user = server.send(Request::get("/v1/users").by(&admin)).is(200)["data"][0]["id"].clone();
    let lock = lock_users(&database, 1).await;
    let path = format!("/v1/users/{}", user.as_str().unwrap());
    server.send(Request::patch(&path, &json!({"name": "Whispered"})).by(&admin)).is(200);
    lock.await.expect("no panic");

    let log = server.log();
    let slow: Vec<_> = log.iter().filter(|line| line["target"] == "tenantry::slow").collect();
    assert_eq!(slow.len(), 1, "{slow:?}");
    assert!(slow[0]["statement"].as_str().is_some_and(|sql| sql.contains("UPDATE \"users\"")), "{slow:?}");
    assert!(slow[0]["duration_ms"].as_f64().is_some_and(|took| took >= 300.0), "{slow:?}");
    assert!(!format!("{log:?}").contains("Whispered"));
}
