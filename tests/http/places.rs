//! Tenants with a place of their own: made with it, served from it, and deleted without it.

use serde_json::{Value, json};
use testkit::{Own, TestDatabase};

use crate::both_databases;
use crate::support::{Tenant, TestApp, tokens};

async fn housed(app: &TestApp, slug: &str, own: Own) -> Tenant {
    app.tenant_with(&json!({"slug": slug, "name": "Housed", "isolation": own.isolation()})).await
}

/// Rows of the table in the tenant's own place, and in the tables that tenants share.
async fn rows(app: &TestApp, own: Own, tenant: &Tenant, table: &str) -> (i64, i64) {
    let in_place = app.database.number_in(own, &tenant.id, &format!("SELECT count(*) FROM {table}")).await;
    (in_place, app.database.number(&format!("SELECT count(*) FROM {table}")).await)
}

both_databases! {
    async fn a_new_tenant_is_ready_in_a_place_of_its_own(app: TestApp) {
        for own in app.database.own_places() {
            let slug = format!("in-{}", own.isolation());
            let draft = json!({"slug": slug, "name": "Housed", "isolation": own.isolation()});
            let made = app.post("/admin/v1/tenants").bearer(&tokens::platform()).json(&draft).send().await.expect(201);
            let tenant = made.json();
            assert_eq!(
                (&tenant["status"], &tenant["isolation"], &tenant["datastore"]),
                (&json!("active"), &json!(own.isolation()), &Value::Null)
            );
            assert!(made.header("location").is_some());
            let id = tenant["id"].as_str().unwrap();
            assert!(app.database.has_place(*own, id).await, "{slug}");
            let ledger = app.get("/admin/v1/migrations").bearer(&tokens::platform()).send().await.expect(200);
            let row = ledger.data().into_iter().find(|row| row["tenant_id"] == id).expect("a row of the ledger");
            assert_eq!((&row["state"], &row["version"]), (&json!("done"), &tenant["schema_version"]));
        }
    }

    async fn its_rows_are_there_and_nowhere_else(app: TestApp) {
        for own in app.database.own_places() {
            let tenant = housed(&app, &format!("in-{}", own.isolation()), *own).await;
            let neighbour = housed(&app, &format!("by-{}", own.isolation()), *own).await;
            let ada = app.user(&tenant, "ada").await;
            let post = app.post_of(&tenant, &ada.id, "Housed").await;
            assert_eq!(rows(&app, *own, &tenant, "users").await, (1, 0));
            assert_eq!(rows(&app, *own, &tenant, "posts").await, (1, 0));
            assert_eq!(rows(&app, *own, &neighbour, "users").await, (0, 0));
            let read = app.get(&format!("/v1/posts/{}", post.id));
            assert_eq!(read.bearer(&tenant.token("viewer")).send().await.expect(200).json(), post.json);
            let foreign = app.get(&format!("/v1/posts/{}", post.id)).bearer(&neighbour.token("admin"));
            foreign.send().await.refused(404, "not_found");
        }
    }

    async fn a_deleted_tenant_keeps_its_place(app: TestApp) {
        for own in app.database.own_places() {
            let tenant = housed(&app, &format!("in-{}", own.isolation()), *own).await;
            app.user(&tenant, "ada").await;
            let path = format!("/admin/v1/tenants/{}", tenant.slug);
            app.delete(&path).bearer(&tokens::platform()).send().await.expect(204);
            assert!(app.database.has_place(*own, &tenant.id).await);
            let users = || app.get("/v1/users").bearer(&tenant.token("viewer")).send();
            users().await.refused(404, "tenant_not_found");
            app.post(&format!("{path}/restore")).bearer(&tokens::platform()).send().await.expect(200);
            assert_eq!(users().await.expect(200).data().len(), 1, "it has everything it had");
        }
    }

    async fn a_refused_tenant_leaves_no_place(app: TestApp) {
        app.tenant("acme").await;
        for own in app.database.own_places() {
            let draft = json!({"slug": "acme", "name": "Acme", "isolation": own.isolation()});
            let create = app.post("/admin/v1/tenants").bearer(&tokens::platform()).json(&draft);
            create.send().await.refused(409, "conflict");
        }
        if let TestDatabase::Postgres(_) = app.database {
            let places = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tenant\\_%'";
            assert_eq!(app.database.number(places).await, 0);
        }
        assert_eq!(app.database.number("SELECT count(*) FROM tenants").await, 1);
    }
}

#[tokio::test]
async fn the_serving_role_makes_nothing_anywhere() {
    let app = TestApp::on(TestDatabase::postgres().await).await;
    let may = |what: &str| format!("SELECT ({what})::int::bigint");
    for own in app.database.own_places() {
        let tenant = housed(&app, &format!("in-{}", own.isolation()), *own).await;
        let schema = match own {
            Own::Schema => format!("tenant_{}", tenant.id.replace('-', "")),
            Own::Database => "public".to_owned(),
        };
        let count = async |sql: String| app.database.number_in(*own, &tenant.id, &sql).await;
        let uses = may(&format!("has_schema_privilege('test_serving', '{schema}', 'USAGE')"));
        assert_eq!(count(uses).await, 1, "{schema}");
        let creates = may(&format!("has_schema_privilege('test_serving', '{schema}', 'CREATE')"));
        assert_eq!(count(creates).await, 0, "{schema}");
        let anywhere = may("has_database_privilege('test_serving', current_database(), 'CREATE')
                            OR EXISTS (SELECT FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'
                                       AND has_schema_privilege('test_serving', oid, 'CREATE'))");
        assert_eq!(count(anywhere).await, 0, "{}", own.isolation());
        let owns = "SELECT count(*) FROM pg_class WHERE relowner = 'test_serving'::regrole".to_owned();
        assert_eq!(count(owns).await, 0);
        let strangers = may("has_database_privilege('public', current_database(), 'CONNECT')");
        if *own == Own::Database {
            assert_eq!(count(strangers).await, 0, "a database of one tenant is not open to every role");
        }
    }
}
