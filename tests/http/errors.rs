//! Refusals: whatever is wrong with a request, the answer has one shape and says no more than it should.

use serde_json::json;
use uuid::Uuid;

use crate::both_databases;
use crate::support::{Answer, TestApp, tokens};

/// A request line and headers for `TestApp::raw`, with a token.
fn lines(line: &str, token: &str, more: &[&str]) -> Vec<String> {
    let usual = [line.to_owned(), "Host: localhost".to_owned(), format!("Authorization: Bearer {token}")];
    usual.into_iter().chain(more.iter().map(|line| (*line).to_owned())).collect()
}

async fn raw(app: &TestApp, lines: &[String]) -> Answer {
    app.raw(&lines.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// Fails unless the answer is a whole problem document and holds nothing that gives the inside away.
#[track_caller]
fn is_whole(answer: &Answer) {
    let code = answer.code();
    let problem = answer.json();
    let members: Vec<_> = problem.as_object().expect("an object").keys().map(String::as_str).collect();
    let validation = code == "validation_failed";
    let mut expected = vec!["type", "title", "status", "detail", "code", "request_id"];
    expected.extend(validation.then_some("errors"));
    let mut sorted = (members, expected);
    sorted.0.sort_unstable();
    sorted.1.sort_unstable();
    assert_eq!(sorted.0, sorted.1, "{problem}");
    assert!(problem["type"].as_str().unwrap().ends_with(&code), "{problem}");
    assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
    for inside in ["SELECT", "INSERT", "sqlx", "sea_orm", "SQLITE", "sqlite", "postgres", "src/", "panicked", ".rs:"] {
        assert!(!answer.text.contains(inside), "{inside}: {problem}");
    }
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

both_databases! {
    async fn every_refusal_is_a_problem_document(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let (admin, viewer, platform) = (acme.token("admin"), acme.token("viewer"), tokens::platform());
        let user = format!("/v1/users/{}", ada.id);
        let taken = json!({"name": "x", "email": "ADA@acme.test"});
        let stale = app.patch(&user).bearer(&admin).header("If-Match", "\"x\"").json(&json!({"name": "x"}));
        for (call, status, code) in [
            (app.get("/v1/users"), 401, "unauthenticated"),
            (app.get("/admin/v1/tenants"), 401, "unauthenticated"),
            (app.get("/v1/users").bearer("x.y.z"), 401, "unauthenticated"),
            (app.get("/v1/users").bearer(&admin).header("X-Tenant-ID", "other"), 403, "tenant_mismatch"),
            (app.get("/v1/users").bearer(&platform), 400, "tenant_unidentified"),
            (app.get("/t/nobody/v1/users").bearer(&platform), 404, "tenant_not_found"),
            (app.get("/admin/v1/tenants/nobody").bearer(&platform), 404, "tenant_not_found"),
            (app.get("/admin/v1/tenants").bearer(&admin), 403, "forbidden"),
            (app.delete(&user).bearer(&viewer), 403, "forbidden"),
            (app.get(&format!("/v1/users/{}", Uuid::now_v7())).bearer(&admin), 404, "not_found"),
            (app.get("/v1/users/7").bearer(&admin), 400, "malformed"),
            (app.get("/v1/users?cursor=x").bearer(&admin), 400, "malformed"),
            (app.post("/v1/users").bearer(&admin).text("application/json", "{"), 400, "malformed"),
            (app.post("/v1/users").bearer(&admin).text("text/plain", "{}"), 415, "unsupported_media_type"),
            (app.post("/v1/users").bearer(&admin).json(&json!({})), 422, "validation_failed"),
            (app.get("/v1/users?limit=0").bearer(&admin), 422, "validation_failed"),
            (app.post("/v1/users").bearer(&admin).json(&taken), 409, "conflict"),
            (stale, 412, "precondition_failed"),
            (app.delete("/v1/users").bearer(&admin), 405, "method_not_allowed"),
            (app.get("/v1/nothing").bearer(&admin), 404, "not_found"),
            (app.get("/"), 404, "not_found"),
        ] {
            let answer = call.send().await.refused(status, code);
            is_whole(&answer);
            assert_eq!(answer.header("www-authenticate").is_some(), status == 401, "{}", answer.text);
        }
    }

    async fn a_path_that_is_not_served_is_not_found(app: TestApp) {
        let acme = app.tenant("acme").await;
        for path in [
            "/",
            "/v1",
            "/v1/",
            "/v2/users",
            "/v1/users/",
            "/v1/user",
            "/v1/users/x/y/z",
            "/admin",
            "/admin/v1",
            "/t/acme",
            "/t/acme/admin/v1/tenants",
            "/t/acme/healthz",
            "/t//v1/users",
            "/V1/users",
            "/v1/../v1/users",
            "/favicon.ico",
            "/admin/v1/tenants/acme/destroy",
            "/admin/v1/tenants/acme/move/",
            "/admin/v1/pool",
            "/docs/../Cargo.toml",
            "/docs/%2e%2e/Cargo.toml",
            "//v1/users",
            "/v1//users",
            "/%00",
        ] {
            let line = format!("GET {path} HTTP/1.1");
            let answer = raw(&app, &lines(&line, &acme.token("admin"), &[])).await.is((404, "not_found"), path);
            is_whole(&answer);
        }
    }

    async fn a_method_that_is_not_served_names_those_that_are(app: TestApp) {
        let acme = app.tenant("acme").await;
        let user = format!("/v1/users/{}", Uuid::now_v7());
        for (method, path, allow) in [
            ("DELETE", "/v1/users", "GET, HEAD, POST"),
            ("PUT", "/v1/posts", "GET, HEAD, POST"),
            ("POST", &user, "DELETE, GET, HEAD, PATCH"),
            ("PUT", &user, "DELETE, GET, HEAD, PATCH"),
            ("POST", &format!("/t/acme{user}"), "DELETE, GET, HEAD, PATCH"),
            ("POST", "/v1/tenant", "GET, HEAD"),
            ("GET", "/admin/v1/tenants/acme/suspend", "POST"),
            ("DELETE", "/admin/v1/audit", "GET, HEAD"),
            ("POST", "/healthz", "GET, HEAD"),
            ("POST", "/openapi.json", "GET, HEAD"),
            ("TRACE", "/v1/users", "GET, HEAD, POST"),
            ("BREW", "/v1/users", "GET, HEAD, POST"),
        ] {
            let line = format!("{method} {path} HTTP/1.1");
            let answer = raw(&app, &lines(&line, &acme.token("admin"), &[])).await;
            let answer = answer.is((405, "method_not_allowed"), &line);
            is_whole(&answer);
            assert_eq!(answer.header("allow"), Some(allow), "{line}");
        }
        let options = raw(&app, &lines("OPTIONS /v1/users HTTP/1.1", &acme.token("admin"), &[])).await.expect(204);
        assert_eq!(options.header("allow"), Some("GET, HEAD, POST"));
    }

    async fn head_is_answered_like_get_without_the_body(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        for path in
            [format!("/v1/users/{}", ada.id), "/v1/users".to_owned(), "/healthz".to_owned(), "/v1/users/7".to_owned()]
        {
            let get = app.get(&path).bearer(&acme.token("viewer")).send().await;
            let head = raw(&app, &lines(&format!("HEAD {path} HTTP/1.1"), &acme.token("viewer"), &[])).await;
            assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
            for name in ["etag", "content-type"] {
                assert_eq!(head.header(name), get.header(name), "{path} {name}");
            }
        }
    }

    async fn an_id_is_a_uuid(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let admin = acme.token("admin");
        let simple = ada.id.replace('-', "");
        for id in
            ["7", "x", "%20", &ada.id[..35], &format!("{}0", ada.id), &simple, &format!("%7B{}%7D", ada.id), "..%2F"]
        {
            for (path, row) in [("/v1/users", true), ("/v1/posts", true), ("/v1/users", false)] {
                let path = if row { format!("{path}/{id}") } else { format!("{path}/{id}/posts") };
                app.get(&path).bearer(&admin).send().await.is((400, "malformed"), &path);
                if row {
                    app.delete(&path).bearer(&admin).send().await.is((400, "malformed"), &path);
                    app.patch(&path).bearer(&admin).json(&json!({})).send().await.is((400, "malformed"), &path);
                }
            }
        }
        let upper = app.get(&format!("/v1/users/{}", ada.id.to_uppercase())).bearer(&admin);
        assert_eq!(upper.send().await.expect(200).json(), ada.json);
    }

    async fn a_body_is_json_and_says_so(app: TestApp) {
        let acme = app.tenant("acme").await;
        let draft = json!({"name": "x", "email": "x@example.com"}).to_string();
        let post =
            |kind: &str, body: Vec<u8>| app.post("/v1/users").bearer(&acme.token("admin")).text(kind, body).send();
        for body in
            ["", "{", "{\"name\": \"x\"", "{'name': 'x'}", "nope", "{} {}", "{\"name\": \"\\ud800\"}", "\u{feff}{}"]
        {
            post("application/json", body.into()).await.is((400, "malformed"), body);
        }
        post("application/json", b"{\"name\": \"\xff\"}".to_vec()).await.refused(400, "malformed");
        let deep = "[".repeat(100_000);
        post("application/json", deep.into_bytes()).await.refused(400, "malformed");
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json", "json", "*/*"]
        {
            post(kind, draft.clone().into()).await.is((415, "unsupported_media_type"), kind);
        }
        let without = app.post("/v1/users").bearer(&acme.token("admin"));
        without.send().await.refused(415, "unsupported_media_type");
        let packed = app.post("/v1/users").bearer(&acme.token("admin")).header("Content-Encoding", "gzip");
        packed.json(&json!({})).send().await.refused(415, "unsupported_media_type");
        for (number, kind) in
            ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"].iter().enumerate()
        {
            let draft = json!({"name": "x", "email": format!("{number}@example.com")}).to_string();
            post(kind, draft.into()).await.is((201, ""), kind);
        }
    }

    async fn a_body_has_2_mib_at_most_and_a_stranger_s_is_not_looked_at(app: TestApp) {
        let acme = app.tenant("acme").await;
        let of_size = |size: usize| {
            let empty = json!({"title": ""}).to_string().len();
            json!({"title": "x".repeat(size - empty)}).to_string()
        };
        let post =
            |token: &str, size| app.post("/v1/posts").bearer(token).text("application/json", of_size(size)).send();
        let limit = 2 * 1024 * 1024;
        assert!(post(&acme.token("admin"), limit).await.wrong_fields().contains(&"title".to_owned()));
        post(&acme.token("admin"), limit + 1).await.refused(413, "payload_too_large");
        post(&acme.token("viewer"), 1000).await.refused(403, "forbidden");
        post("nobody", 1000).await.refused(401, "unauthenticated");
    }

    async fn who_is_asking_is_settled_before_what(app: TestApp) {
        let acme = app.tenant("acme").await;
        for (path, body) in [("/v1/users/7", "{"), ("/v1/users?limit=0", "x")] {
            let anonymous = app.patch(path).text("text/plain", body);
            assert!([401, 405].contains(&anonymous.send().await.status), "{path}");
            app.get(path).send().await.refused(401, "unauthenticated");
            let elsewhere = app.get(path).bearer(&acme.token("admin")).header("X-Tenant-ID", "other");
            elsewhere.send().await.refused(403, "tenant_mismatch");
        }
        app.post("/v1/users")
            .bearer(&acme.token("viewer"))
            .text("text/plain", "{")
            .send()
            .await
            .refused(403, "forbidden");
        app.delete("/v1/users/7").bearer(&acme.token("viewer")).send().await.refused(403, "forbidden");
    }

    async fn a_fault_says_nothing_but_its_request_id(app: TestApp) {
        let acme = app.tenant("acme").await;
        app.database.execute("ALTER TABLE posts RENAME TO gone").await;
        let answer = app.get("/v1/posts").bearer(&acme.token("viewer")).header("X-Request-ID", "fault-1").send().await;
        is_whole(&answer);
        let problem = answer.refused(500, "internal").json();
        assert_eq!(problem["request_id"], "fault-1");
        assert!(!problem.to_string().contains("posts"), "{problem}");
    }

    async fn a_request_id_is_taken_or_made_and_returned(app: TestApp) {
        let acme = app.tenant("acme").await;
        for path in ["/healthz", "/v1/users", "/v1/nothing", "/docs/", "/metrics", "/admin/v1/tenants"] {
            let send = |id: &'static str| app.get(path).bearer(&acme.token("viewer")).header("X-Request-ID", id).send();
            assert_eq!(send("abc-1:2/3").await.header("x-request-id"), Some("abc-1:2/3"), "{path}");
            let made = app.get(path).send().await;
            let made: Uuid = made.header("x-request-id").expect(path).parse().expect("a UUID");
            assert_eq!(made.get_version_num(), 7);
            for unfit in ["", "a b", "\u{e9}"] {
                let id = send(unfit).await.header("x-request-id").map(str::to_owned);
                assert!(id.is_some_and(|id| Uuid::parse_str(&id).is_ok()), "{path} {unfit:?}");
            }
        }
        let long = "x".repeat(129);
        let answer = app.get("/healthz").header("X-Request-ID", &long).send().await;
        assert_ne!(answer.header("x-request-id"), Some(long.as_str()));
    }
}
