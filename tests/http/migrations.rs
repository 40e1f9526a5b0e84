//! Tenants' tables brought up over HTTP, and the ledger of that.

use serde_json::{Value, json};
use testkit::{Own, TestDatabase};
use uuid::Uuid;

use crate::both_databases;
use crate::expect::is_time;
use crate::support::{Answer, Tenant, TestApp, tokens};

async fn migrate(app: &TestApp, tenant: &str) -> Answer {
    app.post(&format!("/admin/v1/tenants/{tenant}/migrate")).bearer(&tokens::platform()).send().await
}

async fn ledger(app: &TestApp, query: &str) -> Answer {
    app.get(&format!("/admin/v1/migrations{query}")).bearer(&tokens::platform()).send().await
}

async fn read(app: &TestApp, tenant: &Tenant) -> Answer {
    app.get("/v1/users").bearer(&tenant.token("viewer")).send().await
}

/// A tenant with a place of its own, named after it.
async fn housed(app: &TestApp, own: Own) -> Tenant {
    let isolation = own.isolation();
    app.tenant_with(&json!({"slug": format!("in-{isolation}"), "name": "Housed", "isolation": isolation})).await
}

async fn migrations_in_the_log(app: &TestApp) -> Vec<Value> {
    let log = app
        .get("/admin/v1/audit?action=tenant.migrate&outcome=done")
        .bearer(&tokens::platform())
        .send()
        .await
        .expect(200);
    log.data().iter().map(|entry| entry["detail"].clone()).collect()
}

both_databases! {
    async fn a_tenant_whose_tables_are_too_old_is_brought_up_and_served(app: TestApp) {
        let other = app.tenant("other").await;
        for own in app.database.own_places() {
            let tenant = housed(&app, *own).await;
            app.user(&tenant, "ada").await;
            app.database.set_back(*own, &tenant.id).await;
            let refused = read(&app, &tenant).await.refused(503, "tenant_not_ready");
            assert!(refused.header("retry-after").is_some());
            read(&app, &other).await.expect(200);

            let done = migrate(&app, &tenant.slug).await.expect(200).json();
            assert_eq!(
                (&done["tenant_id"], &done["slug"], &done["state"], &done["error"]),
                (&json!(tenant.id), &json!(tenant.slug), &json!("done"), &Value::Null)
            );
            is_time(&done["started_at"]);
            is_time(&done["ended_at"]);
            let shown = app.get("/admin/v1/tenants").bearer(&tokens::platform()).send().await.expect(200);
            assert!(shown.data().iter().all(|tenant| tenant["schema_version"] == done["version"]), "{}", shown.text);
            assert_eq!(read(&app, &tenant).await.expect(200).data().len(), 1, "nothing is lost");

            let version = done["version"].as_i64().unwrap();
            assert_eq!(migrations_in_the_log(&app).await[0], json!({"from": version - 1, "to": version}));
            let before = migrations_in_the_log(&app).await.len();
            assert_eq!(migrate(&app, &tenant.id).await.expect(200).json(), done, "again: nothing");
            assert_eq!(migrations_in_the_log(&app).await.len(), before, "what did not happen is not written down");
        }
    }

    async fn what_stands_in_the_way_is_said_and_kept_in_the_ledger(app: TestApp) {
        for (index, own) in app.database.own_places().iter().enumerate() {
            let tenant = housed(&app, *own).await;
            app.database.set_back(*own, &tenant.id).await;
            app.database.obstruct(*own, &tenant.id).await;
            let refused = migrate(&app, &tenant.slug).await.refused(409, "conflict").json();
            assert_eq!(refused["detail"], "Its tables cannot be brought up: database error.");
            let failed = ledger(&app, "?state=failed").await.expect(200).data();
            assert_eq!((failed.len(), &failed[0]["slug"]), (1, &json!(tenant.slug)), "{failed:?}");
            assert_eq!(failed[0]["error"], "database error", "its words name tables: they are for the command line");
            let told = "SELECT count(*) FROM tenant_versions WHERE error LIKE '%departures%'";
            assert_eq!(app.database.number(told).await, 1);
            is_time(&failed[0]["ended_at"]);
            read(&app, &tenant).await.refused(503, "tenant_not_ready");
            assert_eq!(migrations_in_the_log(&app).await.len(), index, "what did not happen is not written down");

            app.database.repair(*own, &tenant.id).await;
            assert_eq!(migrate(&app, &tenant.slug).await.expect(200).json()["state"], "done");
            read(&app, &tenant).await.expect(200);
            assert_eq!(ledger(&app, "?state=failed").await.expect(200).data(), [] as [Value; 0]);
        }
    }

    async fn shared_tables_are_not_one_tenants_to_migrate(app: TestApp) {
        let acme = app.tenant("acme").await;
        let done = migrate(&app, "acme").await.expect(200).json();
        assert_eq!((&done["tenant_id"], &done["state"]), (&json!(acme.id), &json!("done")));
        app.database.execute("UPDATE tenants SET schema_version = schema_version - 1").await;
        let refused = migrate(&app, "acme").await.refused(409, "conflict").json();
        assert!(refused["detail"].as_str().unwrap().contains("`tenantry migrate`"), "{refused}");
    }

    async fn a_tenant_that_is_being_made_or_is_none_is_not_migrated(app: TestApp) {
        app.tenant("acme").await;
        app.database.execute("UPDATE tenants SET status = 'provisioning', schema_version = 0").await;
        let refused = migrate(&app, "acme").await.refused(409, "conflict").json();
        assert!(refused["detail"].as_str().unwrap().contains("being made"), "{refused}");
        migrate(&app, "nobody").await.refused(404, "tenant_not_found");
        migrate(&app, &Uuid::now_v7().to_string()).await.refused(404, "tenant_not_found");
    }

    async fn asked_for_many_times_at_once_a_tenant_is_migrated_once(app: TestApp) {
        let tenant = housed(&app, Own::Database).await;
        app.database.set_back(Own::Database, &tenant.id).await;
        let asked = futures_util::future::join_all((0..5).map(|_| migrate(&app, &tenant.slug))).await;
        for answer in asked {
            // Whoever finds no connection to wait with is told to come back.
            assert!([200, 503].contains(&answer.status), "{}", answer.text);
        }
        assert_eq!(migrate(&app, &tenant.slug).await.expect(200).json()["state"], "done");
        read(&app, &tenant).await.expect(200);
    }

    async fn the_ledger_is_followed_by_its_cursor_and_narrowed(app: TestApp) {
        for number in 0..5 {
            app.tenant(&format!("tenant-{number}")).await;
            migrate(&app, &format!("tenant-{number}")).await.expect(200);
        }
        let mut slugs = Vec::new();
        let mut query = "?limit=2".to_owned();
        loop {
            let slice = ledger(&app, &query).await.expect(200);
            slugs.extend(slice.column("slug"));
            match slice.json()["next_cursor"].as_str() {
                Some(cursor) => query = format!("?limit=2&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(slugs, ["tenant-4", "tenant-3", "tenant-2", "tenant-1", "tenant-0"]);
        assert_eq!(ledger(&app, "?state=done").await.expect(200).data().len(), 5);
        assert_eq!(ledger(&app, "?state=running").await.expect(200).data().len(), 0);
        for (query, field) in [("?state=asleep", "state"), ("?limit=0", "limit"), ("?limit=101", "limit")] {
            assert_eq!(ledger(&app, query).await.wrong_fields(), [field], "{query}");
        }
        let of_audit = app.get("/admin/v1/audit?limit=1").bearer(&tokens::platform()).send().await.json();
        for cursor in ["x", "", of_audit["next_cursor"].as_str().unwrap()] {
            ledger(&app, &format!("?cursor={cursor}")).await.is((400, "malformed"), cursor);
        }
    }
}

#[tokio::test]
async fn what_is_lost_does_not_come_back_empty() {
    let app = TestApp::on(TestDatabase::postgres().await).await;
    let tenant = housed(&app, Own::Schema).await;
    let name = format!("tenant_{}", tenant.id.replace('-', ""));
    app.database.execute(&format!("DROP SCHEMA {name} CASCADE; UPDATE tenants SET schema_version = 1")).await;
    let refused = migrate(&app, &tenant.slug).await.refused(409, "conflict").json();
    assert!(refused["detail"].as_str().unwrap().contains("missing"), "{refused}");
    assert!(!app.database.has_place(Own::Schema, &tenant.id).await);
}

#[tokio::test]
async fn a_process_without_an_owner_says_so() {
    let app = TestApp::on(TestDatabase::postgres().await).await;
    let tenant = housed(&app, Own::Schema).await;
    app.database.set_back(Own::Schema, &tenant.id).await;
    let TestDatabase::Postgres(database) = &app.database else { unreachable!("it was asked for") };
    let (serving, platform) = (database.url("test_serving"), database.url("test_platform"));
    let app = app.restarted(&[("DATABASE_OWNER_URL", &serving), ("DATABASE_PLATFORM_URL", &platform)]).await;
    let refused = migrate(&app, &tenant.slug).await.refused(409, "conflict").json();
    assert!(refused["detail"].as_str().unwrap().contains("DATABASE_OWNER_URL"), "{refused}");
    let draft = json!({"slug": "acme", "name": "Acme", "isolation": "schema"});
    let create = app.post("/admin/v1/tenants").bearer(&tokens::platform()).json(&draft).send().await;
    assert_eq!(create.wrong_fields(), ["isolation"]);
}
