//! The tenant by the request's host.

use serde_json::json;
use testkit::TestDatabase;

use crate::both_databases;
use crate::support::{TestApp, tokens};

/// Two tenants below `example.com`, each with a domain of its own.
async fn world(database: TestDatabase) -> TestApp {
    let app = TestApp::with(database, &[("BASE_DOMAIN", "example.com"), ("RESERVED_SLUGS", "status")]).await;
    for slug in ["acme", "globex"] {
        let domains = [format!("blog.{slug}.org"), format!("{slug}.test")];
        app.tenant_with(&json!({ "slug": slug, "name": slug, "domains": domains })).await;
    }
    app
}

both_databases! {
    /// An operator's token names nobody, so only the host decides.
    async fn a_host_names_one_tenant_or_none(database: TestDatabase) {
        let app = world(database).await;
        let unidentified = (400, "tenant_unidentified");
        for (host, due) in [
            ("acme.example.com", (200, "acme")),
            ("acme.example.com:8080", (200, "acme")),
            ("ACME.Example.COM", (200, "acme")),
            ("acme.example.com.", (200, "acme")),
            ("acme.example.com.:8080", (200, "acme")),
            ("blog.acme.org", (200, "acme")),
            ("Blog.ACME.org:443", (200, "acme")),
            ("blog.acme.org.", (200, "acme")),
            ("globex.test", (200, "globex")),
            // The service itself, and what stands for it.
            ("example.com", unidentified),
            ("www.example.com", unidentified),
            ("api.example.com", unidentified),
            ("Admin.example.com", unidentified),
            ("status.example.com", unidentified),
            ("localhost", unidentified),
            ("127.0.0.1:8080", unidentified),
            ("10.0.0.1", unidentified),
            ("[::1]:8080", unidentified),
            ("[2001:db8::1]", unidentified),
            // Nobody's domain, however much it looks like somebody's.
            ("acme.org", unidentified),
            ("x.blog.acme.org", unidentified),
            ("blog.acme.org.evil.test", unidentified),
            ("acmeexample.com", unidentified),
            ("acme.example.com.evil.test", unidentified),
            ("acme.test,globex.test", unidentified),
            // Below the base domain, but no tenant's.
            ("nobody.example.com", (404, "tenant_not_found")),
            ("x.acme.example.com", (404, "tenant_not_found")),
            ("acme.x.example.com", (404, "tenant_not_found")),
        ] {
            let answer = app.get("/v1/tenant").header("host", host).bearer(&tokens::platform()).send().await;
            let got = match answer.status {
                200 => answer.json()["slug"].as_str().unwrap_or_default().to_owned(),
                _ => answer.code(),
            };
            assert_eq!((answer.status, got.as_str()), due, "{host}");
        }
    }

    async fn a_members_token_holds_at_its_own_host_only(database: TestDatabase) {
        let app = world(database).await;
        let token = tokens::member("acme", "viewer", "ada");
        for (host, due) in [
            ("acme.example.com", 200),
            ("blog.acme.org", 200),
            ("127.0.0.1", 200),
            ("www.example.com", 200),
            ("nobodys.org", 200),
            ("globex.example.com", 403),
            ("globex.test", 403),
            ("nobody.example.com", 403),
            ("x.acme.example.com", 403),
        ] {
            let answer = app.get("/v1/tenant").header("host", host).bearer(&token).send().await;
            assert_eq!(answer.status, due, "{host}: {}", answer.text);
        }
    }

    async fn what_a_proxy_says_of_the_host_is_not_believed(database: TestDatabase) {
        let app = world(database).await;
        for (name, value) in [
            ("x-forwarded-host", "globex.example.com"),
            ("forwarded", "host=globex.example.com;for=10.0.0.1"),
            ("x-original-host", "globex.example.com"),
            ("x-host", "globex.test"),
            ("x-original-url", "/t/globex/v1/tenant"),
            ("x-rewrite-url", "/t/globex/v1/tenant"),
        ] {
            let call = || app.get("/v1/tenant").header(name, value).header("host", "acme.example.com");
            let answer = call().bearer(&tokens::platform()).send().await.expect(200);
            assert_eq!(answer.json()["slug"], "acme", "{name}");
            call().bearer(&tokens::member("acme", "viewer", "ada")).send().await.expect(200);
            call().bearer(&tokens::member("globex", "viewer", "ada")).send().await.refused(403, "tenant_mismatch");
        }
    }

    async fn the_request_line_and_the_host_header_must_agree(database: TestDatabase) {
        let app = world(database).await;
        let bearer = format!("Authorization: Bearer {}", tokens::platform());
        let send = async |target: &str, host: &str| {
            app.raw(&[&format!("GET {target} HTTP/1.1"), &format!("Host: {host}"), &bearer]).await
        };
        let acme = "http://acme.example.com/v1/tenant";
        assert_eq!(send(acme, "acme.example.com").await.expect(200).json()["slug"], "acme");
        assert_eq!(send(acme, "127.0.0.1").await.expect(200).json()["slug"], "acme");
        send(acme, "globex.example.com").await.refused(403, "tenant_mismatch");
        send("http://acme.example.com/t/globex/v1/tenant", "acme.example.com").await.refused(403, "tenant_mismatch");
        send("http://www.example.com/v1/tenant", "www.example.com").await.refused(400, "tenant_unidentified");
    }

    async fn a_second_host_header_cannot_choose_another_tenant(database: TestDatabase) {
        let app = world(database).await;
        let bearer = format!("Authorization: Bearer {}", tokens::platform());
        let hosts = ["Host: acme.example.com", "Host: globex.example.com"];
        for [first, second] in [hosts, [hosts[1], hosts[0]]] {
            let answer = app.raw(&["GET /v1/tenant HTTP/1.1", first, second, &bearer]).await;
            assert!(matches!(answer.status, 400 | 403), "{answer:?}");
        }
    }

    async fn a_deleted_tenants_domain_is_not_found_and_returns_with_it(database: TestDatabase) {
        let app = world(database).await;
        let operator = tokens::platform();
        let at_domain = || app.get("/v1/tenant").header("host", "blog.acme.org");
        app.delete("/admin/v1/tenants/acme").bearer(&operator).send().await.expect(204);
        at_domain().bearer(&operator).send().await.refused(404, "tenant_not_found");
        let (own, other) = (tokens::member("acme", "admin", "ada"), tokens::member("globex", "admin", "bob"));
        at_domain().bearer(&own).send().await.refused(404, "tenant_not_found");
        at_domain().bearer(&other).send().await.refused(403, "tenant_mismatch");
        // Nobody else can have it meanwhile.
        let grab = app.patch("/admin/v1/tenants/globex").json(&json!({ "domains": ["blog.acme.org"] }));
        grab.bearer(&operator).send().await.refused(409, "conflict");
        app.post("/admin/v1/tenants/acme/restore").bearer(&operator).send().await.expect(200);
        at_domain().bearer(&own).send().await.expect(200);
    }

    async fn a_domain_that_was_given_away_names_its_new_tenant(database: TestDatabase) {
        let app = world(database).await;
        let operator = tokens::platform();
        let set = async |tenant: &str, domains: &[&str]| {
            let path = format!("/admin/v1/tenants/{tenant}");
            app.patch(&path).bearer(&operator).json(&json!({ "domains": domains })).send().await.expect(200);
        };
        set("acme", &[]).await;
        let old = app.get("/v1/tenant").header("host", "acme.test").bearer(&operator).send().await;
        old.refused(400, "tenant_unidentified");
        set("globex", &["acme.test"]).await;
        let new = app.get("/v1/tenant").header("host", "acme.test").bearer(&operator).send().await.expect(200);
        assert_eq!(new.json()["slug"], "globex");
    }
}
