//! Tenants destroyed for good.

use serde_json::{Value, json};

use crate::expect::{count, is_id, is_time};
use crate::support::{Answer, Call, Tenant, TestApp, tokens};
use crate::{both_databases, every_fleet};

fn purge(app: &TestApp, tenant: &Tenant) -> Call {
    app.post(&format!("/admin/v1/tenants/{}/purge", tenant.slug)).bearer(&tokens::platform())
}

async fn delete(app: &TestApp, tenant: &Tenant) {
    let path = format!("/admin/v1/tenants/{}", tenant.slug);
    app.delete(&path).bearer(&tokens::platform()).send().await.expect(204);
}

/// The newest entry of the audit log.
async fn newest(app: &TestApp) -> Value {
    let log = app.get("/admin/v1/audit?limit=1").bearer(&tokens::platform()).send().await.expect(200);
    log.data().remove(0)
}

every_fleet! {
    async fn a_purged_tenant_is_gone_and_its_neighbour_is_not(app: TestApp) {
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        let (ada, eve) = (app.user(&acme, "ada").await, app.user(&globex, "eve").await);
        for number in 0..30 {
            app.post_of(&acme, &ada.id, &format!("Post {number}")).await;
        }
        let post = app.post_of(&globex, &eve.id, "Stays").await;
        delete(&app, &acme).await;
        let isolation = app.shown(&acme).await.json()["isolation"].clone();

        let answer = purge(&app, &acme).send().await.expect(200);
        let certificate = answer.json();
        is_id(&certificate["id"]);
        for time in ["requested_at", "purged_at"] {
            is_time(&certificate[time]);
        }
        let told = ["tenant_id", "slug", "name", "isolation", "datastore", "requested_by"].map(|name| &certificate[name]);
        let due = [json!(acme.id), json!("acme"), json!("The acme company"), isolation.clone(), json!(null), json!("operator")];
        assert_eq!(told, due.each_ref());
        let own = format!("{} tenant_{}", isolation.as_str().expect("text"), acme.id.replace('-', ""));
        let place = if isolation == "shared" { "shared tables" } else { &own };
        assert_eq!(certificate["place"], place);
        let destroyed = certificate["destroyed"].as_array().expect("tables");
        for (table, rows) in [("users", 1), ("posts", 30), ("idempotency_keys", 0)] {
            assert!(destroyed.contains(&json!({"table": table, "rows": rows})), "{table}: {destroyed:?}");
        }

        for own in app.database.own_places() {
            assert!(!app.database.has_place(*own, &acme.id).await);
        }
        assert_eq!(app.rows_of(&globex).await, [eve, post]);
        for table in ["users", "posts"] {
            assert_eq!(app.database.number_everywhere(&format!("SELECT count(*) FROM {table}")).await, 1, "{table}");
        }
        assert_eq!(app.database.number("SELECT count(*) FROM tenants").await, 1);
    }
}

both_databases! {
    async fn only_a_deleted_tenant_is_purged(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        purge(&app, &acme).send().await.refused(409, "conflict");
        app.act(&acme, "suspend").await.expect(200);
        purge(&app, &acme).send().await.refused(409, "conflict");
        app.act(&acme, "resume").await.expect(200);
        delete(&app, &acme).await;
        app.act(&acme, "restore").await.expect(200);
        purge(&app, &acme).send().await.refused(409, "conflict");
        assert_eq!(app.rows_of(&acme).await, [ada]);
        assert!(!app.audited(&acme).await.iter().any(|action| action.contains("purge")));
    }

    async fn what_was_purged_names_nobody_for_good(app: TestApp) {
        let acme = app.tenant_with(&json!({"slug": "acme", "name": "Acme", "domains": ["acme.example"]})).await;
        app.user(&acme, "ada").await;
        let lines = app.get("/admin/v1/tenants/acme/export").bearer(&tokens::platform()).send().await.expect(200).text;
        delete(&app, &acme).await;
        let certificate = purge(&app, &acme).send().await.expect(200).json();
        let entry = newest(&app).await;
        assert_eq!((&entry["action"], &entry["actor"]), (&json!("tenant.purged"), &json!("operator")));
        assert_eq!((&entry["tenant_id"], &entry["detail"]["place"]), (&json!(acme.id), &certificate["place"]));
        assert_eq!(entry["detail"]["destroyed"], certificate["destroyed"]);

        for tenant in [&acme, &Tenant { id: acme.id.clone(), slug: acme.id.clone() }] {
            app.shown(tenant).await.refused(404, "tenant_not_found");
            for action in ["purge", "restore", "resume"] {
                app.act(tenant, action).await.is((404, "tenant_not_found"), action);
            }
            app.get("/v1/users").bearer(&tenant.token("admin")).send().await.refused(404, "tenant_not_found");
        }
        let create = |slug: &str, domains: Value| {
            let draft = json!({"slug": slug, "name": "Another", "domains": domains});
            app.post("/admin/v1/tenants").bearer(&tokens::platform()).json(&draft)
        };
        create("acme", json!([])).send().await.refused(409, "conflict");
        // A domain is whose it is: tokens do not hold it.
        create("another", json!(["acme.example"])).send().await.expect(201);
        let import = |query: &str| {
            let call = app.post(&format!("/admin/v1/tenants/import?domains=false{query}")).bearer(&tokens::platform());
            call.text("application/x-ndjson", lines.clone())
        };
        import("").send().await.refused(409, "conflict");
        let back = import("&slug=acme-again").send().await.expect(201).json();
        assert_ne!(back["id"], acme.id, "a token of before must not open it");
    }

    async fn of_10_at_once_one_is_done(app: TestApp) {
        let acme = app.tenant("acme").await;
        app.user(&acme, "ada").await;
        delete(&app, &acme).await;
        let answers = futures_util::future::join_all((0..10).map(|_| purge(&app, &acme).send())).await;
        assert!(count(&answers, 200) >= 1, "{answers:?}");
        let done = |answer: &&Answer| answer.status == 200;
        let mut certificates: Vec<_> = answers.iter().filter(done).map(|answer| answer.json()["id"].clone()).collect();
        certificates.dedup();
        assert_eq!(certificates.len(), 1);
        for refused in answers.into_iter().filter(|answer| answer.status != 200) {
            assert!(["conflict", "tenant_not_found"].contains(&refused.code().as_str()), "{refused:?}");
        }
        let purged = app.audited(&acme).await;
        assert_eq!(purged, ["tenant.create", "tenant.delete", "tenant.purge", "tenant.purged"]);
    }
}
