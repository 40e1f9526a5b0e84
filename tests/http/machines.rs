//! What machines ask for: liveness, readiness, counters, the document, the pages that show it, and answers made smaller.

use serde_json::{Value, json};
use testkit::TestDatabase;

use crate::both_databases;
use crate::support::{Answer, TestApp, tokens};

/// The value of a line of the counters.
fn counted(metrics: &Answer, series: &str) -> Option<f64> {
    let mut lines = metrics.text.lines();
    lines.find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

both_databases! {
    async fn the_process_lives_and_is_ready(app: TestApp) {
        assert_eq!(app.get("/healthz").send().await.expect(200).json(), json!({"status": "ok"}));
        let ready = json!({"status": "ok", "dependencies": [{"name": "database", "status": "ok"}]});
        assert_eq!(app.get("/readyz").send().await.expect(200).json(), ready);
    }

    async fn requests_are_counted_by_route_and_never_by_tenant(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        for path in [format!("/v1/users/{}", ada.id), format!("/t/acme/v1/users/{}", ada.id)] {
            app.get(&path).bearer(&acme.token("viewer")).send().await.expect(200);
        }
        app.get("/v1/users/7").bearer(&acme.token("viewer")).send().await.expect(400);
        app.get("/no/such/path").send().await.expect(404);
        let metrics = app.get("/metrics").send().await.expect(200);
        assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
        let requests = |method: &str, route: &str, status: &str| {
            let labels = format!("{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}");
            counted(&metrics, &format!("tenantry_http_requests_total{labels}"))
        };
        assert_eq!(requests("GET", "/v1/users/{id}", "2xx"), Some(2.0), "{}", metrics.text);
        assert_eq!(requests("GET", "/v1/users/{id}", "4xx"), Some(1.0));
        assert_eq!(requests("POST", "/v1/users", "2xx"), Some(1.0));
        assert_eq!(requests("GET", "unmatched", "4xx"), Some(1.0));
        let labels = "{method=\"GET\",route=\"/v1/users/{id}\"}";
        let timed = counted(&metrics, &format!("tenantry_http_request_duration_seconds_count{labels}"));
        assert_eq!(timed, Some(3.0));
        for secret in ["acme", &acme.id, &ada.id, "/no/such"] {
            assert!(!metrics.text.contains(secret), "{secret}: {}", metrics.text);
        }
    }

    async fn the_document_describes_what_is_served(app: TestApp) {
        let answer = app.get("/openapi.json").send().await.expect(200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let document = answer.json();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        for path in ["/v1/users", "/v1/posts/{id}", "/v1/tenant", "/admin/v1/tenants/{tenant}", "/healthz"] {
            assert!(document["paths"][path].is_object(), "{path}");
        }
    }

    async fn the_pages_open_without_a_network(app: TestApp) {
        let moved = app.get("/docs").send().await;
        assert_eq!((moved.status / 100, moved.header("location")), (3, Some("/docs/")));
        let page = app.get("/docs/").send().await.expect(200);
        assert!(page.header("content-type").unwrap().starts_with("text/html"));
        let referred = references(&page.text);
        assert!(referred.len() >= 4, "{referred:?}");
        let mut texts = vec![page.text];
        for reference in referred {
            assert!(!reference.contains("//"), "{reference} is elsewhere");
            let path = format!("/docs/{}", reference.trim_start_matches("./"));
            let asset = app.get(&path).send().await.expect(200);
            assert!(!asset.text.is_empty(), "{path} is empty");
            if path.ends_with(".css") || path.ends_with("initializer.js") {
                texts.push(asset.text);
            }
        }
        // The document that the pages show is our own, and nothing in them is fetched from elsewhere.
        assert!(texts.iter().any(|text| text.contains("/openapi.json")), "no page names the document");
        // Unless told otherwise, the page asks a checker on the internet about every document.
        assert!(texts.iter().any(|text| text.contains("\"validatorUrl\": \"none\"")), "{}", texts.join("\n"));
        for text in &texts {
            for fetched in ["url(http", "url(//", "@import", "src=\"http", "href=\"http", "petstore"] {
                assert!(!text.contains(fetched), "{fetched}");
            }
        }
    }

    async fn answers_are_compressed_when_asked_for(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        for number in 0..30 {
            app.post_of(&acme, &ada.id, &format!("Much the same {number}")).await;
        }
        let list = |encoding: &str| {
            app.get("/v1/posts?limit=30").bearer(&acme.token("viewer")).header("Accept-Encoding", encoding).send()
        };
        let plain = list("identity").await.expect(200);
        assert_eq!(plain.header("content-encoding"), None);
        for (accepted, used) in
            [("gzip", "gzip"), ("br", "br"), ("gzip;q=0.5, br;q=1.0", "br"), ("gzip, identity;q=0.1", "gzip")]
        {
            let packed = list(accepted).await.expect(200);
            assert_eq!(packed.header("content-encoding"), Some(used), "{accepted}");
            // What is no UTF-8 counts for three bytes each.
            assert!(packed.text.len() < plain.text.len() / 2, "{} of {}", packed.text.len(), plain.text.len());
            assert!(packed.header("vary").unwrap().to_lowercase().contains("accept-encoding"));
        }
        let unknown = list("zstd, identity").await.expect(200);
        assert_eq!((unknown.header("content-encoding"), unknown.json()), (None, plain.json()));
        let none = app.get("/v1/posts").bearer(&acme.token("viewer")).header("Accept-Encoding", "zstd, identity;q=0");
        none.send().await.refused(406, "not_acceptable");
    }

    async fn what_is_compressed_is_still_the_same_version(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let get = || {
            app.get(&format!("/v1/users/{}", ada.id)).bearer(&acme.token("viewer")).header("Accept-Encoding", "gzip")
        };
        let packed = get().send().await.expect(200);
        assert_eq!(packed.etag(), ada.etag);
        get().header("If-None-Match", &ada.etag).send().await.expect(304);
    }

    async fn pages_of_configured_origins_may_call(database: TestDatabase) {
        let origins = [("CORS_ORIGINS", "https://app.example.com, http://localhost:3000")];
        let app = TestApp::with(database, &origins).await;
        let acme = app.tenant("acme").await;
        for origin in ["https://app.example.com", "http://localhost:3000"] {
            let asked = preflight(&app, origin, "PATCH").await.expect(200);
            assert_eq!(asked.header("access-control-allow-origin"), Some(origin));
            let allowed = |name: &str| asked.header(name).unwrap_or_default().to_lowercase();
            assert!(allowed("access-control-allow-methods").contains("patch"));
            for header in ["authorization", "content-type", "if-match", "idempotency-key", "x-tenant-id"] {
                assert!(allowed("access-control-allow-headers").contains(header), "{header}");
            }
            for call in [app.get("/v1/users").bearer(&acme.token("viewer")), app.get("/v1/users")] {
                let answer = call.header("Origin", origin).send().await;
                assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{}", answer.status);
                let shown = answer.header("access-control-expose-headers").unwrap_or_default().to_lowercase();
                assert!(
                    shown.contains("etag") && shown.contains("x-request-id") && shown.contains("location"),
                    "{shown}"
                );
            }
        }
        for origin in ["https://evil.example", "https://app.example.com.evil.example", "http://app.example.com", "null"]
        {
            for answer in [
                preflight(&app, origin, "GET").await,
                app.get("/v1/users").bearer(&acme.token("viewer")).header("Origin", origin).send().await,
            ] {
                assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
            }
        }
    }

    async fn without_origins_no_page_may_call(app: TestApp) {
        for answer in [
            preflight(&app, "https://app.example.com", "GET").await,
            app.get("/healthz").header("Origin", "https://app.example.com").send().await,
        ] {
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
        app.get("/admin/v1/tenants").bearer(&tokens::platform()).send().await.expect(200);
    }
}

async fn preflight(app: &TestApp, origin: &str, method: &str) -> Answer {
    let options = app.call(reqwest::Method::OPTIONS, "/v1/users/7").header("Origin", origin);
    let asks = "authorization, content-type, if-match, idempotency-key, x-tenant-id";
    options.header("Access-Control-Request-Method", method).header("Access-Control-Request-Headers", asks).send().await
}

/// What a page loads: the values of its `src` and `href`.
fn references(page: &str) -> Vec<String> {
    let values =
        |attribute: &str| page.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()).collect::<Vec<_>>();
    [values("src=\""), values("href=\"")].concat().into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_document_is_the_same_for_everybody() {
    let app = TestApp::on(TestDatabase::sqlite().await).await;
    let acme = app.tenant("acme").await;
    let read = |token: String| app.get("/openapi.json").bearer(&token).send();
    let documents: [Value; 2] = [read(acme.token("viewer")).await.json(), read(tokens::platform()).await.json()];
    assert_eq!(documents[0], documents[1]);
}
