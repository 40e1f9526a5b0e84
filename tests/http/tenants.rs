//! The admin API: tenants made, found, listed and changed.

use serde_json::{Value, json};
use testkit::TestDatabase;
use uuid::Uuid;

use crate::both_databases;
use crate::expect::{at_once, count, is_id, is_time};
use crate::support::{Answer, TestApp, tokens};

async fn create(app: &TestApp, draft: &Value) -> Answer {
    app.post("/admin/v1/tenants").bearer(&tokens::platform()).json(draft).send().await
}

async fn update(app: &TestApp, tenant: &str, changes: &Value) -> Answer {
    app.patch(&format!("/admin/v1/tenants/{tenant}")).bearer(&tokens::platform()).json(changes).send().await
}

async fn get(app: &TestApp, path: &str) -> Answer {
    app.get(&format!("/admin/v1/tenants{path}")).bearer(&tokens::platform()).send().await
}

both_databases! {
    async fn a_new_tenant_is_answered_whole_is_found_and_is_served(app: TestApp) {
        let draft = json!({
            "slug": "acme", "name": "Acme Çorp", "isolation": "shared",
            "domains": ["Blog.Acme.org", "acme.example"], "limits": {"users": 5, "requests_per_second": 50},
        });
        let made = create(&app, &draft).await.expect(201);
        let tenant = made.json();
        let expected = json!({
            "id": tenant["id"], "slug": "acme", "name": "Acme Çorp", "status": "active", "isolation": "shared",
            "datastore": null, "domains": ["acme.example", "blog.acme.org"],
            "limits": {"users": 5, "requests_per_second": 50}, "schema_version": tenant["schema_version"],
            "created_at": tenant["created_at"], "updated_at": tenant["created_at"],
        });
        assert_eq!(tenant, expected);
        is_id(&tenant["id"]);
        is_time(&tenant["created_at"]);
        assert!(tenant["schema_version"].as_i64() > Some(0), "{tenant}");

        let id = tenant["id"].as_str().unwrap();
        assert_eq!(made.header("location"), Some(format!("/admin/v1/tenants/{id}").as_str()));
        for path in [format!("/{id}"), "/acme".to_owned()] {
            let found = get(&app, &path).await.expect(200);
            assert_eq!((found.json(), found.etag()), (tenant.clone(), made.etag()));
        }
        let own = app.get("/v1/tenant").bearer(&tokens::member("acme", "viewer", "somebody")).send().await.expect(200);
        assert_eq!((own.json(), own.etag()), (tenant, made.etag()));
    }

    async fn a_slug_and_a_name_are_enough(app: TestApp) {
        let tenant = create(&app, &json!({"slug": "acme", "name": "Acme"})).await.expect(201).json();
        assert_eq!(
            (&tenant["isolation"], &tenant["domains"], &tenant["limits"], &tenant["datastore"]),
            (&json!("shared"), &json!([]), &json!({}), &Value::Null)
        );
    }

    async fn a_slug_has_its_rules(app: TestApp) {
        let kept = app.tenant("kept").await;
        for slug in ["ab", "a1", "a-b", "a--b", "x9-y", &"a".repeat(40)] {
            create(&app, &json!({"slug": slug, "name": "x"})).await.is((201, ""), slug);
        }
        let id_like = "a0000000-0000-4000-8000-000000000000";
        for slug in [
            "",
            "a",
            &"a".repeat(41),
            "Acme",
            "1acme",
            "-acme",
            "acme-",
            "ac_me",
            "ac.me",
            "ac me",
            "acmé",
            " acme",
            id_like,
            "www",
            "api",
            "app",
            "admin",
            "staging",
            "static",
            "docs",
        ] {
            assert_eq!(create(&app, &json!({"slug": slug, "name": "x"})).await.wrong_fields(), ["slug"], "{slug:?}");
            assert_eq!(update(&app, &kept.id, &json!({"slug": slug})).await.wrong_fields(), ["slug"], "{slug:?}");
        }
    }

    async fn every_wrong_field_is_named(app: TestApp) {
        let long = "x".repeat(101);
        for (draft, fields) in [
            (json!({}), vec!["slug"]),
            (json!({"slug": "acme"}), vec!["name"]),
            (json!({"slug": "acme", "name": ""}), vec!["name"]),
            (json!({"slug": "acme", "name": long}), vec!["name"]),
            (json!({"slug": "acme", "name": "a\0b"}), vec!["name"]),
            (json!({"slug": "acme", "name": "x", "isolation": "none"}), vec!["isolation"]),
            (json!({"slug": "acme", "name": "x", "isolation": null}), vec!["isolation"]),
            (json!({"slug": "acme", "name": "x", "datastore": "east"}), vec!["datastore"]),
            (json!({"slug": "acme", "name": "x", "domains": "a.org"}), vec!["domains"]),
            (json!({"slug": "acme", "name": "x", "domains": ["a.org", "localhost"]}), vec!["domains[1]"]),
            (json!({"slug": "acme", "name": "x", "limits": {"cats": 1}}), vec!["limits.cats"]),
            (json!({"slug": "acme", "name": "x", "limits": {"users": -1}}), vec!["limits.users"]),
            (json!({"slug": "acme", "name": "x", "limits": [1]}), vec!["limits"]),
            (json!({"slug": "acme", "name": "x", "status": "active"}), vec!["status"]),
            (json!({"slug": "acme", "name": "x", "id": Uuid::now_v7()}), vec!["id"]),
            (
                json!({"slug": "www", "name": "x", "domains": ["1.2.3.4"], "datastore": "east"}),
                vec!["slug", "domains[0]", "datastore"],
            ),
        ] {
            assert_eq!(create(&app, &draft).await.wrong_fields(), fields, "{draft}");
        }
        if let TestDatabase::Sqlite(_) = app.database {
            let draft = json!({"slug": "acme", "name": "x", "isolation": "schema"});
            assert_eq!(create(&app, &draft).await.wrong_fields(), ["isolation"]);
        }
        assert_eq!(app.database.number("SELECT count(*) FROM tenants").await, 0);
    }

    async fn a_slug_that_was_given_up_goes_to_nobody_else(app: TestApp) {
        let first = app.tenant("acme").await;
        let other = app.tenant("globex").await;
        let token = tokens::member("acme", "admin", "ops");
        update(&app, &first.id, &json!({"slug": "acme-old"})).await.expect(200);
        create(&app, &json!({"slug": "acme", "name": "Another customer"})).await.refused(409, "conflict");
        update(&app, &other.id, &json!({"slug": "acme"})).await.refused(409, "conflict");
        app.get("/v1/tenant").bearer(&token).send().await.refused(404, "tenant_not_found");
        update(&app, &first.id, &json!({"slug": "acme"})).await.expect(200);
        assert_eq!(app.get("/v1/tenant").bearer(&token).send().await.expect(200).json()["id"], first.id.as_str());
    }

    async fn slugs_and_domains_belong_to_one_tenant(app: TestApp) {
        create(&app, &json!({"slug": "acme", "name": "x", "domains": ["acme.org"]})).await.expect(201);
        let globex = app.tenant("globex").await;
        for draft in
            [json!({"slug": "acme", "name": "y"}), json!({"slug": "new", "name": "y", "domains": ["ACME.org"]})]
        {
            create(&app, &draft).await.refused(409, "conflict");
        }
        update(&app, "globex", &json!({"slug": "acme"})).await.refused(409, "conflict");
        update(&app, "globex", &json!({"name": "z", "domains": ["z.org", "acme.org"]})).await.refused(409, "conflict");
        let kept = get(&app, "/globex").await.expect(200).json();
        assert_eq!(
            (&kept["id"], &kept["domains"], &kept["name"]),
            (&json!(globex.id), &json!([]), &json!("The globex company"))
        );
        get(&app, "/new").await.refused(404, "tenant_not_found");

        update(&app, "acme", &json!({"domains": []})).await.expect(200);
        update(&app, "globex", &json!({"domains": ["acme.org"]})).await.expect(200);
        let answers = at_once((0..20).map(|number| {
            let draft = json!({"slug": "race", "name": format!("Racer {number}")});
            app.post("/admin/v1/tenants").bearer(&tokens::platform()).json(&draft)
        }))
        .await;
        assert_eq!((count(&answers, 201), count(&answers, 409)), (1, 19));
    }

    async fn a_change_changes_what_it_names(app: TestApp) {
        let acme = app.tenant("acme").await;
        let mut expected = get(&app, "/acme").await.expect(200).json();
        for (field, value) in [
            ("name", json!("Acme Ltd")),
            ("domains", json!(["acme.org", "blog.acme.org"])),
            ("domains", json!([])),
            ("limits", json!({"posts": 9_007_199_254_740_991_u64, "storage_bytes": 0})),
            ("limits", json!({})),
            ("slug", json!("acme-ltd")),
        ] {
            let changed = update(&app, &acme.id, &json!({field: value})).await.expect(200);
            assert!(changed.json()["updated_at"].as_str() > expected["updated_at"].as_str());
            expected[field] = value;
            expected["updated_at"] = changed.json()["updated_at"].clone();
            assert_eq!(changed.json(), expected);
            let found = get(&app, &format!("/{}", acme.id)).await.expect(200);
            assert_eq!((found.json(), found.etag()), (expected.clone(), changed.etag()));
        }
        get(&app, "/acme").await.refused(404, "tenant_not_found");
        let tenant = |slug: &str| app.get("/v1/tenant").bearer(&tokens::member(slug, "viewer", "x")).send();
        tenant("acme").await.refused(404, "tenant_not_found");
        tenant("acme-ltd").await.expect(200);
        for (changes, field) in [
            (json!({"name": null}), "name"),
            (json!({"slug": null}), "slug"),
            (json!({"domains": null}), "domains"),
            (json!({"limits": null}), "limits"),
            (json!({"limits": {"users": 9_007_199_254_740_992_u64}}), "limits.users"),
            (json!({"status": "deleted"}), "status"),
            (json!({"isolation": "shared"}), "isolation"),
        ] {
            assert_eq!(update(&app, "acme-ltd", &changes).await.wrong_fields(), [field], "{changes}");
        }
        update(&app, "nobody", &json!({"name": "x"})).await.refused(404, "tenant_not_found");
    }

    async fn the_list_is_newest_first_and_can_be_narrowed(app: TestApp) {
        for slug in ["alpha", "beta", "gamma", "delta"] {
            app.tenant(slug).await;
        }
        update(&app, "gamma", &json!({"name": "100% Ärger_frei"})).await.expect(200);
        app.post("/admin/v1/tenants/beta/suspend").bearer(&tokens::platform()).send().await.expect(200);
        app.delete("/admin/v1/tenants/alpha").bearer(&tokens::platform()).send().await.expect(204);
        for (query, slugs) in [
            ("", vec!["delta", "gamma", "beta", "alpha"]),
            ("?status=active", vec!["delta", "gamma"]),
            ("?status=suspended", vec!["beta"]),
            ("?status=deleted", vec!["alpha"]),
            ("?status=provisioning", vec![]),
            ("?isolation=shared&status=active", vec!["delta", "gamma"]),
            ("?isolation=schema", vec![]),
            ("?q=ET", vec!["beta"]),
            ("?q=the%20DELTA", vec!["delta"]),
            ("?q=ä", vec!["gamma"]),
            ("?q=%25", vec!["gamma"]),
            ("?q=_", vec!["gamma"]),
            ("?q=a&limit=2", vec!["delta", "gamma"]),
        ] {
            assert_eq!(get(&app, query).await.expect(200).column("slug"), slugs, "{query}");
        }
        for (query, field) in [
            ("?status=sleeping", "status"),
            ("?isolation=none", "isolation"),
            ("?limit=0", "limit"),
            ("?limit=101", "limit"),
        ] {
            assert_eq!(get(&app, query).await.wrong_fields(), [field], "{query}");
        }
    }

    async fn the_list_is_followed_by_its_cursor(app: TestApp) {
        for number in 0..5 {
            app.tenant(&format!("tenant-{number}")).await;
        }
        let first = get(&app, "?limit=2").await.expect(200);
        let mut slugs = first.column("slug");
        let mut cursor = first.json()["next_cursor"].clone();
        while let Some(text) = cursor.as_str() {
            app.tenant(&format!("newer-{}", slugs.len())).await;
            let next = get(&app, &format!("?limit=2&cursor={text}")).await.expect(200);
            slugs.extend(next.column("slug"));
            cursor = next.json()["next_cursor"].clone();
        }
        assert_eq!(slugs, ["tenant-4", "tenant-3", "tenant-2", "tenant-1", "tenant-0"]);
        let of_audit = app.get("/admin/v1/audit?limit=1").bearer(&tokens::platform()).send().await.json();
        for cursor in ["x", "", of_audit["next_cursor"].as_str().unwrap()] {
            get(&app, &format!("?cursor={cursor}")).await.is((400, "malformed"), cursor);
        }
    }

    async fn a_tenant_that_is_none_is_not_found(app: TestApp) {
        let id = Uuid::now_v7().to_string();
        for name in ["nobody", &id, "www", "%00", "a%20b", "acme.example.com", &"x".repeat(500)] {
            get(&app, &format!("/{name}")).await.is((404, "tenant_not_found"), name);
        }
    }
}
