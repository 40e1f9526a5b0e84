//! The admin API: tenants suspended, resumed, deleted, restored; and the tokens that are signed for them.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::both_databases;
use crate::expect::is_time;
use crate::support::{Answer, TestApp, tokens};

/// `turn(&app, "acme", "suspend")`; deletes with `DELETE`, as the API has it.
async fn turn(app: &TestApp, tenant: &str, action: &str) -> Answer {
    let path = format!("/admin/v1/tenants/{tenant}");
    let call = if action == "delete" { app.delete(&path) } else { app.post(&format!("{path}/{action}")) };
    call.bearer(&tokens::platform()).send().await
}

async fn sign(app: &TestApp, tenant: &str, draft: serde_json::Value) -> Answer {
    app.post(&format!("/admin/v1/tenants/{tenant}/tokens")).bearer(&tokens::platform()).json(&draft).send().await
}

both_databases! {
    async fn each_state_leads_to_its_next(app: TestApp) {
        let acme = app.tenant("acme").await;
        for (action, answer, status) in [
            ("suspend", (200, ""), "suspended"),
            ("suspend", (200, ""), "suspended"),
            ("restore", (409, "conflict"), "suspended"),
            ("resume", (200, ""), "active"),
            ("resume", (200, ""), "active"),
            ("restore", (200, ""), "active"),
            ("delete", (204, ""), "deleted"),
            ("delete", (204, ""), "deleted"),
            ("suspend", (409, "conflict"), "deleted"),
            ("resume", (409, "conflict"), "deleted"),
            ("restore", (200, ""), "active"),
            ("suspend", (200, ""), "suspended"),
            ("delete", (204, ""), "deleted"),
            ("restore", (200, ""), "suspended"),
            ("resume", (200, ""), "active"),
            ("delete", (204, ""), "deleted"),
            ("restore", (200, ""), "active"),
        ] {
            let turned = turn(&app, &acme.id, action).await.is(answer, action);
            let now = app.get("/admin/v1/tenants/acme").bearer(&tokens::platform()).send().await.expect(200);
            assert_eq!(now.json()["status"], status, "{action}");
            if turned.status == 200 {
                assert_eq!((turned.json(), turned.etag()), (now.json(), now.etag()), "{action}");
            }
        }
        for action in ["suspend", "resume", "delete", "restore"] {
            turn(&app, "nobody", action).await.is((404, "tenant_not_found"), action);
        }
    }

    async fn its_state_decides_whether_a_tenant_is_served(app: TestApp) {
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        let ada = app.user(&acme, "ada").await;
        let post = app.post_of(&acme, &ada.id, "Kept").await;
        let read = async |token: String| app.get(&format!("/v1/posts/{}", post.id)).bearer(&token).send().await;
        for (action, answer) in [
            ("suspend", (403, "tenant_suspended")),
            ("resume", (200, "")),
            ("delete", (404, "tenant_not_found")),
            ("restore", (200, "")),
        ] {
            turn(&app, "acme", action).await;
            let answered = read(acme.token("viewer")).await.is(answer, action);
            if answered.status == 200 {
                assert_eq!(answered.json(), post.json, "nothing is lost");
            }
            let write = app.post("/v1/posts").bearer(&acme.token_of("member", &ada.id)).json(&json!({"title": "x"}));
            assert_eq!(write.send().await.status == 201, answer.0 == 200, "{action}");
            app.get("/v1/users").bearer(&globex.token("viewer")).send().await.expect(200);
        }
    }

    async fn changes_of_state_at_once_do_not_get_in_each_others_way(app: TestApp) {
        let acme = app.tenant("acme").await;
        for actions in [["suspend", "resume"], ["delete", "restore"]] {
            let turns = (0..30).map(|number| turn(&app, &acme.id, actions[number % 2]));
            for turned in futures_util::future::join_all(turns).await {
                assert!(turned.status < 300, "{actions:?}: {} {}", turned.status, turned.text);
            }
            turn(&app, &acme.id, actions[1]).await.expect(200);
        }
    }

    async fn a_deleted_tenant_keeps_its_names(app: TestApp) {
        app.tenant_with(&json!({"slug": "acme", "name": "x", "domains": ["acme.org"]})).await;
        turn(&app, "acme", "delete").await.expect(204);
        for draft in
            [json!({"slug": "acme", "name": "y"}), json!({"slug": "new", "name": "y", "domains": ["acme.org"]})]
        {
            let create = app.post("/admin/v1/tenants").bearer(&tokens::platform()).json(&draft);
            create.send().await.refused(409, "conflict");
        }
    }

    async fn a_tenant_that_is_not_ready_is_asked_for_later(app: TestApp) {
        let acme = app.tenant("acme").await;
        for change in ["status = 'provisioning'", "schema_version = schema_version - 1"] {
            app.database.execute(&format!("UPDATE tenants SET {change}")).await;
            let refused =
                app.get("/v1/users").bearer(&acme.token("viewer")).send().await.refused(503, "tenant_not_ready");
            let seconds: u32 = refused.header("retry-after").expect("when to come back").parse().unwrap();
            assert!(seconds > 0);
            app.database.execute("UPDATE tenants SET status = 'active'").await;
        }
    }

    async fn a_signed_token_is_good_for_its_tenant_and_role(app: TestApp) {
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        let ada = app.user(&acme, "ada").await;
        let signed = sign(&app, "acme", json!({"role": "member", "user_id": ada.id})).await.expect(201);
        assert_eq!(signed.header("cache-control"), Some("no-store"));
        let body = signed.json();
        is_time(&body["expires_at"]);
        let expires: DateTime<Utc> = body["expires_at"].as_str().unwrap().parse().unwrap();
        let left = expires - Utc::now();
        assert!(left > TimeDelta::minutes(58) && left <= TimeDelta::hours(1), "an hour unless asked otherwise: {left}");

        let token = body["token"].as_str().unwrap();
        let post = app.post("/v1/posts").bearer(token).json(&json!({"title": "x"})).send().await.expect(201).json();
        assert_eq!((&post["user_id"], &post["tenant_id"]), (&json!(ada.id), &json!(acme.id)));
        app.post("/v1/users").bearer(token).json(&json!({})).send().await.refused(403, "forbidden");
        let elsewhere = app.get("/v1/posts").bearer(token).header("X-Tenant-ID", &globex.slug);
        elsewhere.send().await.refused(403, "tenant_mismatch");
        app.get("/admin/v1/tenants").bearer(token).send().await.refused(403, "forbidden");

        // It holds the tenant's id: a new slug does not cost anybody a token.
        let rename = app.patch("/admin/v1/tenants/acme").bearer(&tokens::platform()).json(&json!({"slug": "acme-ltd"}));
        rename.send().await.expect(200);
        app.get("/v1/posts").bearer(token).send().await.expect(200);
    }

    async fn a_token_is_signed_for_as_long_as_asked(app: TestApp) {
        app.tenant("acme").await;
        for (ttl, seconds) in [("1s", 1), ("15m", 900), ("7days", 604_800), ("30days", 2_592_000)] {
            let body = sign(&app, "acme", json!({"role": "viewer", "ttl": ttl})).await.expect(201).json();
            let expires: DateTime<Utc> = body["expires_at"].as_str().unwrap().parse().unwrap();
            let off = (expires - Utc::now()).num_seconds() - seconds;
            assert!((-3..=0).contains(&off), "{ttl}: {off} seconds off");
        }
        for (draft, field) in [
            (json!({"role": "viewer", "ttl": "0s"}), "ttl"),
            (json!({"role": "viewer", "ttl": "31days"}), "ttl"),
            (json!({"role": "viewer", "ttl": "soon"}), "ttl"),
            (json!({"role": "viewer", "ttl": 3600}), "ttl"),
            (json!({"role": "platform_admin"}), "role"),
            (json!({"role": "owner"}), "role"),
            (json!({"role": "viewer", "user_id": "ada"}), "user_id"),
            (json!({"role": "viewer", "tenant": "globex"}), "tenant"),
            (json!({}), "role"),
        ] {
            assert_eq!(sign(&app, "acme", draft.clone()).await.wrong_fields(), [field], "{draft}");
        }
    }

    async fn tokens_are_for_tenants_that_are_there(app: TestApp) {
        app.tenant("acme").await;
        turn(&app, "acme", "delete").await.expect(204);
        sign(&app, "acme", json!({"role": "viewer"})).await.refused(409, "conflict");
        sign(&app, "nobody", json!({"role": "viewer"})).await.refused(404, "tenant_not_found");
        sign(&app, &Uuid::now_v7().to_string(), json!({"role": "viewer"})).await.refused(404, "tenant_not_found");
    }

    async fn a_server_without_a_secret_signs_nothing(database: testkit::TestDatabase) {
        let app = TestApp::on(database).await;
        app.tenant("acme").await;
        let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/ed25519-public.pem");
        let app = app.restarted(&[("JWT_SECRET", ""), ("JWT_PUBLIC_KEY_FILE", key)]).await;
        let private = include_bytes!("../fixtures/keys/ed25519-private.pem");
        let private = jsonwebtoken::EncodingKey::from_ed_pem(private).expect("a key");
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
        let claims = json!({"sub": "ops", "role": "platform_admin", "exp": tokens::in_seconds(60)});
        let platform = tokens::signed_with(&header, &claims, &private);
        let sign = app.post("/admin/v1/tenants/acme/tokens").bearer(&platform).json(&json!({"role": "viewer"}));
        let refused = sign.send().await.refused(409, "conflict");
        assert!(refused.json()["detail"].as_str().unwrap().contains("JWT_SECRET"), "{}", refused.text);
    }
}
