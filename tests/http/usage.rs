//! What tenants used: counted by tenant, kept over restarts, shown to the platform alone.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::TestDatabase;

use crate::both_databases;
use crate::support::{Housing, Tenant, TestApp, tokens};

async fn stats_of(app: &TestApp, tenant: &Tenant, query: &str) -> Value {
    let call = app.get(&format!("/admin/v1/tenants/{}/stats{query}", tenant.slug)).bearer(&tokens::platform());
    call.send().await.expect(200).json()
}

async fn stats(app: &TestApp) -> Value {
    app.get("/admin/v1/stats").bearer(&tokens::platform()).send().await.expect(200).json()
}

async fn read(app: &TestApp, tenant: &Tenant, times: usize) {
    for _ in 0..times {
        app.get("/v1/users").bearer(&tenant.token("viewer")).send().await;
    }
}

both_databases! {
    async fn each_tenants_requests_are_its_own(app: TestApp) {
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        app.user(&acme, "ada").await;
        read(&app, &acme, 3).await;
        read(&app, &globex, 2).await;
        app.get("/v1/users/nonsense").bearer(&acme.token("viewer")).send().await.expect(400);
        app.get("/v1/users").bearer(&acme.token("viewer")).header("x-tenant-id", &globex.slug).send().await.expect(403);

        let of_acme = stats_of(&app, &acme, "").await;
        assert_eq!((&of_acme["tenant_id"], &of_acme["slug"]), (&json!(acme.id), &json!("acme")));
        assert_eq!((&of_acme["requests"], &of_acme["errors"], &of_acme["refused"]), (&json!(5), &json!(0), &json!(0)));
        let body = json!({ "name": "ada", "email": "ada@acme.test", "role": "member" }).to_string();
        assert_eq!(of_acme["bytes_in"], body.len());
        assert!(of_acme["bytes_out"].as_u64() > Some(100), "{of_acme}");
        assert!(of_acme["database_ms"].as_f64() > Some(0.0), "{of_acme}");
        assert_eq!(stats_of(&app, &globex, "").await["requests"], 2);
        assert_eq!(stats(&app).await["requests"], 7);
    }

    async fn what_head_leaves_out_is_not_counted(app: TestApp) {
        let acme = app.tenant("acme").await;
        app.call(Method::HEAD, "/v1/users").bearer(&acme.token("viewer")).send().await.expect(200);
        let stats = stats_of(&app, &acme, "").await;
        assert_eq!((&stats["requests"], &stats["bytes_out"]), (&json!(1), &json!(0)));
    }

    async fn refusals_count_as_such(app: TestApp) {
        let acme = app.tenant_with(&json!({ "slug": "acme", "name": "x", "limits": { "requests_per_second": 0 } })).await;
        read(&app, &acme, 4).await;
        let stats = stats_of(&app, &acme, "").await;
        assert_eq!((&stats["requests"], &stats["refused"], &stats["database_ms"]), (&json!(4), &json!(4), &json!(0.0)));
    }

    /// Also those of the seconds before the process ended.
    async fn what_was_used_outlives_the_process(housing: Housing) {
        let app = TestApp::on(housing).await;
        let acme = app.tenant("acme").await;
        read(&app, &acme, 3).await;
        let app = app.restarted(&[]).await;
        read(&app, &acme, 2).await;
        assert_eq!(stats_of(&app, &acme, "").await["requests"], 5);
    }

    async fn usage_is_shown_by_hour_and_by_day(app: TestApp) {
        let acme = app.tenant("acme").await;
        read(&app, &acme, 3).await;
        for by in ["hour", "day"] {
            let stats = stats_of(&app, &acme, &format!("?by={by}")).await;
            let parts = stats["usage"].as_array().expect("parts");
            let sum: u64 = parts.iter().filter_map(|part| part["requests"].as_u64()).sum();
            assert_eq!(sum, 3, "{stats}");
        }
        let none = stats_of(&app, &acme, "?from=2999-01-01T00:00:00Z&by=hour").await;
        assert_eq!((&none["requests"], &none["usage"]), (&json!(0), &json!([])));
        let none = stats_of(&app, &acme, "?to=2020-01-01T00:00:00Z").await;
        assert_eq!((&none["requests"], none.get("usage")), (&json!(0), None));
        let path = "/admin/v1/stats?by=week&from=yesterday";
        let refused = app.get(path).bearer(&tokens::platform()).send().await.refused(422, "validation_failed");
        assert_eq!(refused.json()["errors"].as_array().map(Vec::len), Some(2));
    }

    async fn a_purged_tenant_leaves_no_hours(app: TestApp) {
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        read(&app, &acme, 3).await;
        read(&app, &globex, 1).await;
        assert_eq!(stats(&app).await["requests"], 4);
        read(&app, &acme, 1).await;
        app.delete(&format!("/admin/v1/tenants/{}", acme.slug)).bearer(&tokens::platform()).send().await.expect(204);
        app.act(&acme, "purge").await.expect(200);
        assert_eq!(stats(&app).await["requests"], 1);
    }

    async fn the_busiest_tenants_have_series_of_their_own(housing: Housing) {
        let app = TestApp::with(housing, &[("METRICS_TENANTS", "1")]).await;
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        read(&app, &acme, 9).await;
        read(&app, &globex, 2).await;
        stats(&app).await;
        let text = app.get("/metrics").send().await.expect(200).text;
        let line = |tenant: &str, count| format!("tenantry_tenant_requests_total{{tenant=\"{tenant}\"}} {count}\n");
        assert!(text.contains(&line(&acme.id, 9)) && text.contains(&line("other", 2)), "{text}");
        assert!(!text.contains(&globex.id), "{text}");
    }
}

/// A server that is away is named, and what the others have is told all the same.
#[tokio::test]
async fn what_does_not_answer_is_named() {
    let away = [("DATASTORES", "east=postgres://127.0.0.1:1/none")];
    let app = TestApp::with(TestDatabase::postgres().await, &away).await;
    let acme = app.tenant("acme").await;
    app.user(&acme, "ada").await;
    let stats = stats(&app).await;
    assert_eq!((&stats["missing"], &stats["tables"][0]["rows"]), (&json!(["datastore:east"]), &json!(1)));
}
