//! The audit log: what the platform did, and what it tried.

use serde_json::{Value, json};
use testkit::TestDatabase;
use uuid::Uuid;

use crate::both_databases;
use crate::expect::{is_id, is_time};
use crate::support::{Answer, TestApp, tokens};

/// An operator with a name of its own.
fn operator(name: &str) -> String {
    tokens::signed(&json!({"sub": name, "role": "platform_admin", "exp": tokens::in_seconds(600)}))
}

async fn audit(app: &TestApp, query: &str) -> Answer {
    app.get(&format!("/admin/v1/audit{query}")).bearer(&tokens::platform()).send().await
}

both_databases! {
    async fn everything_that_is_done_to_a_tenant_is_written_down(app: TestApp) {
        let grace = operator("grace");
        let made = app.post("/admin/v1/tenants").bearer(&grace).json(&json!({"slug": "acme", "name": "Acme"}));
        let id = made.send().await.expect(201).json()["id"].clone();
        let path = "/admin/v1/tenants/acme";
        app.patch(path)
            .bearer(&grace)
            .json(&json!({"name": "Acme Ltd", "limits": {"users": 5}}))
            .send()
            .await
            .expect(200);
        app.post(&format!("{path}/suspend")).bearer(&grace).send().await.expect(200);
        app.post(&format!("{path}/resume")).bearer(&grace).send().await.expect(200);
        let draft = json!({"role": "viewer", "ttl": "1m"});
        let signed = app.post(&format!("{path}/tokens")).bearer(&grace).json(&draft).send().await.expect(201);
        app.delete(path).bearer(&grace).send().await.expect(204);
        app.post(&format!("{path}/restore")).bearer(&grace).send().await.expect(200);

        let log = audit(&app, "").await.expect(200);
        let actions = [
            "tenant.restore",
            "tenant.delete",
            "tenant.token",
            "tenant.resume",
            "tenant.suspend",
            "tenant.update",
            "tenant.create",
        ];
        assert_eq!(log.column("action"), actions, "newest first");
        for entry in log.data() {
            assert_eq!((&entry["actor"], &entry["tenant_id"]), (&json!("grace"), &id), "{entry}");
            assert_eq!((&entry["origin"], &entry["outcome"]), (&json!("127.0.0.1"), &json!("done")), "{entry}");
            is_id(&entry["id"]);
            is_time(&entry["at"]);
        }
        let detail = |index: usize| log.data()[index]["detail"].clone();
        assert_eq!(detail(2), json!({"role": "viewer", "subject": "grace", "ttl_seconds": 60}));
        assert_eq!(detail(5), json!({"changed": ["name", "limits"]}));
        assert_eq!(detail(6), json!({"slug": "acme", "isolation": "shared"}));
        assert!(!log.text.contains(signed.json()["token"].as_str().unwrap()), "no secret is written down");
    }

    async fn what_was_refused_is_written_down_as_refused(app: TestApp) {
        app.tenant("acme").await;
        let admin = tokens::platform();
        let path = "/admin/v1/tenants/acme";
        app.post("/admin/v1/tenants")
            .bearer(&admin)
            .json(&json!({"slug": "acme", "name": "x"}))
            .send()
            .await
            .expect(409);
        app.patch(path).bearer(&admin).json(&json!({"slug": "www"})).send().await.expect(422);
        let stale = app.patch(path).bearer(&admin).header("If-Match", "\"x\"").json(&json!({"name": "x"}));
        stale.send().await.expect(412);
        app.patch(path).bearer(&admin).json(&json!({})).send().await.expect(200);
        app.post(&format!("{path}/resume")).bearer(&admin).send().await.expect(200);
        app.delete(path).bearer(&admin).header("If-Match", "\"x\"").send().await.expect(412);
        app.post(&format!("{path}/tokens")).bearer(&admin).json(&json!({})).send().await.expect(422);
        app.get(path).bearer(&admin).send().await.expect(200);
        assert_eq!(audit(&app, "?outcome=done").await.expect(200).column("action"), ["tenant.create"]);

        let refused = audit(&app, "?outcome=refused").await.expect(200);
        let seen: Vec<_> = refused
            .data()
            .iter()
            .map(|entry| (entry["action"].clone(), entry["detail"]["status"].clone(), entry["detail"]["code"].clone()))
            .collect();
        assert_eq!(
            seen,
            [
                (json!("tenant.token"), json!(422), json!("validation_failed")),
                (json!("tenant.delete"), json!(412), json!("precondition_failed")),
                (json!("tenant.update"), json!(412), json!("precondition_failed")),
                (json!("tenant.update"), json!(422), json!("validation_failed")),
                (json!("tenant.create"), json!(409), json!("conflict")),
            ]
        );
        let acme = app.get(path).bearer(&admin).send().await.json()["id"].clone();
        let of_acme: Vec<_> = refused.data().iter().map(|entry| entry["tenant_id"] == acme).collect();
        assert_eq!(of_acme, [true, true, true, true, false], "a tenant that was not made has no id");
        assert_eq!(refused.data()[1]["detail"]["route"], "/admin/v1/tenants/{tenant}");
    }

    async fn an_entry_names_its_request(app: TestApp) {
        app.tenant("acme").await;
        let call = app.post("/admin/v1/tenants/acme/suspend").bearer(&operator("grace"));
        let forged = call.header("X-Request-ID", "ticket-7").header("X-Forwarded-For", "203.0.113.9");
        forged.send().await.expect(200);
        let entry = audit(&app, "?limit=1").await.data()[0].clone();
        assert_eq!((&entry["request_id"], &entry["origin"]), (&json!("ticket-7"), &json!("127.0.0.1")), "{entry}");
    }

    async fn somebody_who_is_not_of_the_platform_writes_nothing(app: TestApp) {
        let acme = app.tenant("acme").await;
        app.post("/admin/v1/tenants/acme/suspend").bearer(&acme.token("admin")).send().await.refused(403, "forbidden");
        app.post("/admin/v1/tenants/acme/suspend").send().await.refused(401, "unauthenticated");
        app.post("/admin/v1/tenants/nobody/suspend").bearer(&tokens::platform()).send().await.expect(404);
        let log = audit(&app, "").await.expect(200);
        assert_eq!(log.column("outcome"), ["refused", "done"]);
        assert_eq!(log.data()[0]["tenant_id"], Value::Null, "there is no such tenant");
    }

    async fn the_platforms_use_of_a_tenants_data_is_written_down(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let grace = operator("grace");
        app.get("/t/acme/v1/users").bearer(&grace).send().await.expect(200);
        let read = app.get(&format!("/v1/users/{}", ada.id)).bearer(&grace).header("X-Tenant-ID", &acme.id);
        read.send().await.expect(200);
        let write = app.post("/v1/posts").bearer(&grace).header("X-Tenant-ID", "acme");
        write.json(&json!({"title": "x", "user_id": ada.id})).send().await.expect(201);

        let log = audit(&app, "?action=tenant.access").await.expect(200);
        let seen: Vec<Value> = log.data().iter().map(|entry| entry["detail"].clone()).collect();
        assert_eq!(
            seen,
            [
                json!({"method": "POST", "route": "/v1/posts"}),
                json!({"method": "GET", "route": "/v1/users/{id}"}),
                json!({"method": "GET", "route": "/v1/users"}),
            ]
        );
        assert!(log.data().iter().all(|entry| entry["actor"] == "grace" && entry["tenant_id"] == acme.id.as_str()));
        app.get("/v1/users").bearer(&acme.token("admin")).send().await.expect(200);
        assert_eq!(audit(&app, "?action=tenant.access").await.data().len(), 3, "members are not the platform");
    }

    async fn a_refused_access_is_written_down(app: TestApp) {
        let acme = app.tenant("acme").await;
        let grace = operator("grace");
        app.get("/v1/users").bearer(&grace).send().await.refused(400, "tenant_unidentified");
        app.get("/t/nobody/v1/users").bearer(&grace).send().await.refused(404, "tenant_not_found");
        let both = app.get("/t/acme/v1/users").bearer(&grace).header("X-Tenant-ID", Uuid::now_v7().to_string());
        both.send().await.refused(403, "tenant_mismatch");
        let stranger = app.get("/t/acme/v1/users").bearer(&tokens::member("globex", "admin", "x"));
        stranger.send().await.refused(403, "tenant_mismatch");
        assert_eq!(audit(&app, &format!("?tenant={}", acme.id)).await.column("action"), ["tenant.create"]);
        app.get(&format!("/t/acme/v1/users/{}", Uuid::now_v7())).bearer(&grace).send().await.expect(404);

        let log = audit(&app, "?actor=grace").await.expect(200);
        let codes: Vec<_> = log.data().iter().map(|entry| entry["detail"]["code"].clone()).collect();
        let refused = ["not_found", "tenant_mismatch", "tenant_not_found", "tenant_unidentified"].map(Value::from);
        assert_eq!(codes[..1], refused[..1]);
        assert_eq!(codes[2..], refused[1..], "{log:?}");
        assert_eq!((&codes[1], &log.data()[1]["outcome"]), (&Value::Null, &json!("done")), "it was let in first");
        assert_eq!(log.data()[0]["tenant_id"], json!(acme.id));
        assert!(log.data().iter().all(|entry| entry["action"] == "tenant.access"));
    }

    async fn the_log_can_be_narrowed(app: TestApp) {
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        let (grace, alan) = (operator("grace"), operator("alan"));
        app.post("/admin/v1/tenants/acme/suspend").bearer(&grace).send().await.expect(200);
        app.post("/admin/v1/tenants/globex/suspend").bearer(&alan).send().await.expect(200);
        for (query, actions) in [
            ("?actor=grace", vec!["tenant.suspend"]),
            ("?actor=Grace", vec![]),
            ("?tenant=acme", vec!["tenant.suspend", "tenant.create"]),
            (&format!("?tenant={}", globex.id), vec!["tenant.suspend", "tenant.create"]),
            (&format!("?tenant={}", Uuid::now_v7()), vec![]),
            ("?action=tenant.create", vec!["tenant.create", "tenant.create"]),
            ("?action=tenant.create&tenant=acme&actor=operator", vec!["tenant.create"]),
            ("?action=tenant.create&tenant=acme&actor=grace", vec![]),
        ] {
            assert_eq!(audit(&app, query).await.expect(200).column("action"), actions, "{query}");
        }
        assert_eq!(audit(&app, "?tenant=acme").await.column("tenant_id"), [acme.id.clone(), acme.id]);
        let wrong = [
            ("?tenant=nobody", "tenant"),
            ("?limit=0", "limit"),
            ("?actor=%00", "actor"),
            ("?outcome=maybe", "outcome"),
            ("?from=yesterday", "from"),
            ("?to=2026-01-01", "to"),
            ("?from=-262143-01-01T00:00:00Z", "from"),
            ("?to=%2B262142-12-31T23:59:59Z", "to"),
        ];
        for (query, field) in wrong {
            assert_eq!(audit(&app, query).await.wrong_fields(), [field], "{query}");
        }
    }

    async fn the_log_can_be_narrowed_in_time(app: TestApp) {
        for slug in ["a1", "a2", "a3"] {
            app.tenant(slug).await;
        }
        let times = audit(&app, "").await.column("at");
        let [third, second, first] = &times[..] else { panic!("{times:?}") };
        for (query, count) in [
            (format!("?from={second}"), 2),
            (format!("?to={second}"), 1),
            (format!("?from={first}&to={third}"), 2),
            (format!("?from={third}&to={first}"), 0),
            ("?from=1969-01-01T00:00:00Z".to_owned(), 3),
            ("?to=2000-01-01T00:00:00%2B01:00".to_owned(), 0),
        ] {
            assert_eq!(audit(&app, &query).await.expect(200).data().len(), count, "{query}");
        }
    }

    async fn the_log_is_followed_by_its_cursor(app: TestApp) {
        for slug in ["a1", "a2", "a3", "a4", "a5"] {
            app.tenant(slug).await;
        }
        let mut slugs = Vec::new();
        let mut query = "?limit=2".to_owned();
        loop {
            let slice = audit(&app, &query).await.expect(200);
            slugs.extend(slice.data().iter().map(|entry| entry["detail"]["slug"].clone()));
            match slice.json()["next_cursor"].as_str() {
                Some(cursor) => query = format!("?limit=2&cursor={cursor}"),
                None => break,
            }
            app.tenant(&format!("newer-{}", slugs.len())).await;
        }
        assert_eq!(slugs, ["a5", "a4", "a3", "a2", "a1"]);
        audit(&app, "?cursor=x").await.refused(400, "malformed");
    }

    async fn the_log_is_the_platforms(app: TestApp) {
        let acme = app.tenant("acme").await;
        app.get("/admin/v1/audit").send().await.refused(401, "unauthenticated");
        app.get("/admin/v1/audit").bearer(&acme.token("admin")).send().await.refused(403, "forbidden");
        for call in [app.post("/admin/v1/audit"), app.delete("/admin/v1/audit"), app.patch("/admin/v1/audit")] {
            call.bearer(&tokens::platform()).send().await.refused(405, "method_not_allowed");
        }
    }
}

#[tokio::test]
async fn not_even_the_platforms_role_can_change_an_entry() {
    let database = TestDatabase::postgres().await;
    for privilege in ["UPDATE", "DELETE", "TRUNCATE"] {
        let may = format!("SELECT has_table_privilege('test_platform', 'audit_log', '{privilege}')::int::bigint");
        assert_eq!(database.number(&may).await, 0, "{privilege}");
    }
    let serving =
        "SELECT has_table_privilege('test_serving', 'audit_log', 'SELECT, INSERT, UPDATE, DELETE')::int::bigint";
    assert_eq!(database.number(serving).await, 0);
}
