//! The whole chain as the server wires it, around handlers that misbehave.

use std::time::Duration;

use actix_web::body::to_bytes;
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::middleware::{Compress, from_fn};
use actix_web::test::{TestRequest, init_service, try_call_service};
use actix_web::{App, HttpRequest};
use serde_json::Value;
use utoipa::openapi::path::OperationBuilder;
use utoipa::openapi::{HttpMethod, InfoBuilder, OpenApi, PathItem, PathsBuilder};

use super::*;
use crate::http::{RouteTable, cors, fallback};

async fn fine() -> HttpResponse {
    HttpResponse::Ok().json("fine")
}

async fn broken() -> Result<HttpResponse, Error> {
    Err(Error::internal(std::io::Error::other("SELECT secret")))
}

async fn slow() -> HttpResponse {
    tokio::time::sleep(Duration::from_secs(60)).await;
    HttpResponse::Ok().finish()
}

async fn panics(request: HttpRequest) -> HttpResponse {
    assert!(request.path().is_empty(), "on purpose");
    HttpResponse::Ok().finish()
}

async fn foreign() -> Result<HttpResponse, actix_web::Error> {
    Err(actix_web::error::ErrorConflict("/etc/passwd"))
}

async fn own_json() -> HttpResponse {
    HttpResponse::ServiceUnavailable().json("database")
}

fn routes() -> RouteTable {
    let get = PathItem::new(HttpMethod::Get, OperationBuilder::new().build());
    let paths = PathsBuilder::new().path("/fine", get).build();
    RouteTable::new(&OpenApi::new(InfoBuilder::new().build(), paths))
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn code(&self) -> &str {
        assert_eq!(self.header("content-type"), MEDIA_TYPE);
        assert_eq!(self.body["request_id"], self.header("x-request-id"));
        assert_eq!(self.body["status"], self.status);
        assert_eq!(self.header("cache-control"), "no-store");
        self.body["code"].as_str().unwrap()
    }
}

async fn call(request: TestRequest) -> Answer {
    let limits = Limits { body: 10, time: Duration::from_millis(50), streamed: None };
    let app = App::new()
        .app_data(web::Data::new(limits))
        .app_data(web::Data::new(routes()))
        .route("/fine", web::get().to(fine))
        .route("/broken", web::get().to(broken))
        .route("/slow", web::get().to(slow))
        .route("/panics", web::get().to(panics))
        .route("/foreign", web::get().to(foreign))
        .route("/own-json", web::get().to(own_json))
        .default_service(web::to(fallback))
        .wrap(from_fn(deadline))
        .wrap(Compress::default())
        .wrap(cors(&["https://app.example.com".to_owned()]))
        .wrap(from_fn(edge));
    let app = init_service(app).await;
    let response = match try_call_service(&app, request.to_request()).await {
        Ok(answer) => ServiceResponse::into_parts(answer).1,
        Err(error) => error.error_response(),
    };
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = to_bytes(response.into_body()).await.unwrap();
    Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
}

async fn get(path: &str) -> Answer {
    call(TestRequest::get().uri(path)).await
}

#[actix_web::test]
async fn every_refusal_is_a_problem_whoever_made_it() {
    for (path, status, code) in [
        ("/broken", 500, "internal"),
        ("/slow", 504, "timeout"),
        ("/panics", 500, "internal"),
        ("/foreign", 400, "malformed"),
        ("/nothing", 404, "not_found"),
    ] {
        let answer = get(path).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{path}");
        let text = answer.body.to_string();
        assert!(!text.contains("secret") && !text.contains("passwd"), "{text}");
    }
}

#[actix_web::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let answer = call(TestRequest::post().uri("/fine")).await;
    assert_eq!((answer.code(), answer.header("allow")), ("method_not_allowed", "GET, HEAD"));
    let answer = call(TestRequest::default().method(Method::OPTIONS).uri("/fine")).await;
    assert_eq!((answer.status, answer.header("allow")), (204, "GET, HEAD"));
    let answer = call(TestRequest::default().method(Method::HEAD).uri("/fine")).await;
    assert_eq!(answer.status, 200);
}

#[actix_web::test]
async fn an_answer_carries_the_request_id_it_was_sent_or_a_new_one() {
    let answer = call(TestRequest::get().uri("/fine").insert_header(("X-Request-ID", "mine-7"))).await;
    assert_eq!(answer.header("x-request-id"), "mine-7");
    let answer = call(TestRequest::get().uri("/fine").insert_header(("X-Request-ID", "not mine"))).await;
    assert_eq!(answer.header("x-request-id").len(), 36);
}

#[actix_web::test]
async fn what_is_behind_a_token_is_not_shared_by_caches() {
    let answer = call(TestRequest::get().uri("/fine").insert_header(("Authorization", "Bearer x"))).await;
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(get("/fine").await.header("cache-control"), "");
}

#[actix_web::test]
async fn a_page_of_another_origin_can_read_refusals_too() {
    for path in ["/fine", "/nothing", "/slow", "/panics"] {
        let request = TestRequest::get().uri(path).insert_header(("Origin", "https://app.example.com"));
        let answer = call(request).await;
        assert_eq!(answer.header("access-control-allow-origin"), "https://app.example.com", "{path}");
    }
    let answer = call(TestRequest::get().uri("/fine").insert_header(("Origin", "https://evil.example"))).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[actix_web::test]
async fn a_refusal_is_readable_also_to_who_asks_for_compression() {
    let answer = call(TestRequest::get().uri("/nothing").insert_header(("Accept-Encoding", "gzip"))).await;
    assert_eq!((answer.code(), answer.header("content-encoding")), ("not_found", ""));
}

#[actix_web::test]
async fn an_answer_in_json_is_left_as_it_is() {
    let answer = get("/own-json").await;
    assert_eq!((answer.status, answer.body), (503, Value::from("database")));
}
