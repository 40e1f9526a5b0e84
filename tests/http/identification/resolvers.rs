//! Which sources are read at all, and which names name nobody.

use testkit::TestDatabase;

use crate::both_databases;
use crate::support::{Answer, TestApp, tokens};

const SOURCES: [&str; 4] = ["token", "subdomain", "header", "path"];

/// A request of a member of acme, or of an operator, in which one source names `globex`.
async fn naming_globex(app: &TestApp, source: &str, token: &str) -> Answer {
    let call = match source {
        "subdomain" => app.get("/v1/tenant").header("host", "globex.example.com"),
        "header" => app.get("/v1/tenant").header("x-tenant-id", "globex"),
        "path" => app.get("/t/globex/v1/tenant"),
        _ => app.get("/v1/tenant"),
    };
    call.bearer(token).send().await
}

both_databases! {
    /// Each source switched off in its turn: what it says is as if it were not said. A path is then an unknown one.
    async fn a_source_that_is_switched_off_is_not_read(database: TestDatabase) {
        let mut app = TestApp::with(database, &[("BASE_DOMAIN", "example.com")]).await;
        app.tenant("acme").await;
        app.tenant("globex").await;
        for off in SOURCES {
            let on: Vec<&str> = SOURCES.into_iter().filter(|source| *source != off).collect();
            app = app.restarted(&[("BASE_DOMAIN", "example.com"), ("TENANT_RESOLVERS", &on.join(","))]).await;
            let operator = tokens::platform();
            let ada = tokens::member("acme", "viewer", "ada");
            for source in ["subdomain", "header", "path"] {
                let (by_operator, by_member) = match (source == off, source) {
                    (false, _) => ((200, ""), (403, "tenant_mismatch")),
                    (true, "path") => ((404, "not_found"), (404, "not_found")),
                    (true, _) => ((400, "tenant_unidentified"), (200, "")),
                };
                naming_globex(&app, source, &operator).await.is(by_operator, &format!("{source} without {off}"));
                naming_globex(&app, source, &ada).await.is(by_member, &format!("{source} without {off}, by a member"));
            }
        }
    }

    /// The claim no longer names the tenant, but still binds the token to it.
    async fn without_the_source_token_a_token_still_reaches_its_own_tenant_only(database: TestDatabase) {
        let app = TestApp::with(database, &[("TENANT_RESOLVERS", "header")]).await;
        let acme = app.tenant("acme").await;
        app.tenant("globex").await;
        for token in [tokens::member("acme", "viewer", "ada"), tokens::member(&acme.id, "viewer", "ada")] {
            app.get("/v1/tenant").bearer(&token).send().await.is((400, "tenant_unidentified"), "nothing");
            for (named, due) in [
                ("acme", (200, "")),
                (acme.id.as_str(), (200, "")),
                ("globex", (403, "tenant_mismatch")),
                ("nobody", (403, "tenant_mismatch")),
                ("www", (400, "tenant_unidentified")),
            ] {
                app.get("/v1/tenant").header("x-tenant-id", named).bearer(&token).send().await.is(due, named);
            }
        }
    }

    async fn a_reserved_name_names_nobody_wherever_it_stands(database: TestDatabase) {
        let settings = [("BASE_DOMAIN", "example.com"), ("RESERVED_SLUGS", "status,taken-later")];
        let mut app = TestApp::with(database, &settings[..1]).await;
        // A tenant from before its name was reserved.
        app.tenant("taken-later").await;
        app.tenant("acme").await;
        app = app.restarted(&settings).await;
        let operator = tokens::platform();
        let ada = tokens::member("acme", "viewer", "ada");
        for name in ["www", "api", "app", "admin", "staging", "static", "docs", "status", "taken-later"] {
            let host = format!("{name}.example.com");
            let path = format!("/t/{name}/v1/tenant");
            let calls = || {
                [
                    app.get("/v1/tenant").header("host", &host),
                    app.get("/v1/tenant").header("x-tenant-id", name),
                    app.get(&path),
                ]
            };
            for call in calls() {
                call.bearer(&operator).send().await.is((400, "tenant_unidentified"), name);
            }
            for call in calls() {
                call.bearer(&ada).send().await.is((200, ""), name);
            }
            let claimed = tokens::member(name, "admin", "eve");
            app.get("/v1/tenant").bearer(&claimed).send().await.is((400, "tenant_unidentified"), name);
            let elsewhere = app.get("/v1/tenant").header("x-tenant-id", "acme").bearer(&claimed);
            elsewhere.send().await.is((403, "tenant_mismatch"), name);
        }
    }

    async fn odd_headers_name_nobody_or_a_tenant_that_is_not_there(app: TestApp) {
        let acme = app.tenant("acme").await;
        app.tenant("globex").await;
        let long = "x".repeat(5000);
        let mismatch = (403, "tenant_mismatch");
        let upper = acme.id.to_uppercase();
        let simple = acme.id.replace('-', "");
        for (values, due) in [
            (&["acme"][..], (200, "")),
            (&[" acme "], (200, "")),
            (&["acme", "acme"], (200, "")),
            (&["acme", &acme.id], (200, "")),
            (&[&upper], (200, "")),
            (&[""], (200, "")),
            (&["  "], (200, "")),
            (&["acme", "globex"], mismatch),
            (&["globex", "acme"], mismatch),
            (&["acme", "acme", "globex"], mismatch),
            (&["acme,globex"], mismatch),
            (&["acme, acme"], mismatch),
            (&["globex"], mismatch),
            (&["ACME"], mismatch),
            (&["acme%00"], mismatch),
            (&["ac%6de"], mismatch),
            (&["acm"], mismatch),
            (&["acm_"], mismatch),
            (&["acm%"], mismatch),
            (&["' OR '1'='1"], mismatch),
            (&["*"], mismatch),
            (&["null"], mismatch),
            (&["../globex"], mismatch),
            (&["\u{e4}cme"], mismatch),
            (&["{00000000-0000-0000-0000-000000000000}"], mismatch),
            (&["00000000-0000-0000-0000-000000000000"], mismatch),
            (&[&simple], mismatch),
            (&[&long], mismatch),
        ] {
            let call = app.get("/v1/tenant").bearer(&acme.token("viewer"));
            let call = values.iter().fold(call, |call, value| call.header("x-tenant-id", value));
            call.send().await.is(due, &format!("{values:?}"));
        }
    }

    async fn only_the_tenants_routes_are_below_the_path_of_a_tenant(app: TestApp) {
        let acme = app.tenant("acme").await;
        app.tenant("globex").await;
        let (ada, operator) = (acme.token("viewer"), tokens::platform());
        for (path, due) in [
            ("/t/acme/v1/tenant", (200, "")),
            ("/t/globex/v1/tenant", (403, "tenant_mismatch")),
            ("/t/nobody/v1/tenant", (403, "tenant_mismatch")),
            ("/t/%67lobex/v1/tenant", (403, "tenant_mismatch")),
            ("/t/acme%2f..%2fglobex/v1/tenant", (403, "tenant_mismatch")),
            ("/t/acme/t/globex/v1/tenant", (404, "not_found")),
            ("/t/acme/admin/v1/tenants", (404, "not_found")),
            ("/t/acme/healthz", (404, "not_found")),
            ("/t/acme/openapi.json", (404, "not_found")),
            ("/t/acme", (404, "not_found")),
            ("/t//v1/tenant", (404, "not_found")),
            ("/T/acme/v1/tenant", (404, "not_found")),
        ] {
            app.get(path).bearer(&ada).send().await.is(due, path);
        }
        app.get("/t/acme/admin/v1/tenants").bearer(&operator).send().await.refused(404, "not_found");
        let bearer = format!("Authorization: Bearer {ada}");
        let dotted = app.raw(&["GET /t/acme/../globex/v1/tenant HTTP/1.1", "Host: localhost", &bearer]).await;
        dotted.refused(404, "not_found");
    }
}
