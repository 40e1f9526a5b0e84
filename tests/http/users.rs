//! Users: made, read, changed and deleted.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::every_place;
use crate::expect::{is_id, is_time};
use crate::support::{Answer, Tenant, TestApp};

async fn create(app: &TestApp, tenant: &Tenant, draft: &Value) -> Answer {
    app.post("/v1/users").bearer(&tenant.token("admin")).json(draft).send().await
}

async fn update(app: &TestApp, tenant: &Tenant, id: &str, changes: &Value) -> Answer {
    app.patch(&format!("/v1/users/{id}")).bearer(&tenant.token("admin")).json(changes).send().await
}

/// An address of exactly this many characters, within what is allowed of each of its parts.
fn email_of(length: usize) -> String {
    let domain = format!("{}.{}.{}.", "b".repeat(60), "c".repeat(60), "d".repeat(60));
    let email = format!("{}@{domain}", "a".repeat(60));
    let missing = length - email.len();
    email + &"e".repeat(missing)
}

every_place! {
    async fn a_new_user_is_answered_whole_and_is_found(app: TestApp) {
        let acme = app.tenant("acme").await;
        let draft = json!({"name": "Ada Lovelace", "email": "Ada@Example.com", "role": "viewer", "tenant_id": acme.id});
        let made = create(&app, &acme, &draft).await.expect(201);
        let user = made.json();
        assert_eq!(
            (&user["name"], &user["email"], &user["role"], &user["tenant_id"]),
            (&json!("Ada Lovelace"), &json!("Ada@Example.com"), &json!("viewer"), &json!(acme.id))
        );
        let mut fields: Vec<_> = user.as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["created_at", "email", "id", "name", "role", "tenant_id", "updated_at"]);
        is_id(&user["id"]);
        is_time(&user["created_at"]);
        assert_eq!(user["created_at"], user["updated_at"]);

        let location = made.header("location").unwrap();
        assert_eq!(location, format!("/v1/users/{}", user["id"].as_str().unwrap()));
        let found = app.get(location).bearer(&acme.token("viewer")).send().await.expect(200);
        assert_eq!((found.json(), found.etag()), (user, made.etag()));
    }

    async fn a_new_user_is_a_member_unless_told_otherwise(app: TestApp) {
        let acme = app.tenant("acme").await;
        let made = create(&app, &acme, &json!({"name": "Ada", "email": "ada@example.com"})).await.expect(201);
        assert_eq!(made.json()["role"], "member");
    }

    async fn a_name_has_1_to_100_characters(app: TestApp) {
        let acme = app.tenant("acme").await;
        let draft = |name: &str| json!({"name": name, "email": format!("{}@example.com", Uuid::now_v7())});
        for name in ["x", "é", &"x".repeat(100), &"é".repeat(100), &"🦀".repeat(100), " a b "] {
            let made = create(&app, &acme, &draft(name)).await.expect(201).json();
            assert_eq!(made["name"], *name, "kept as it was sent");
            update(&app, &acme, made["id"].as_str().unwrap(), &json!({"name": name})).await.expect(200);
        }
        let ada = app.user(&acme, "ada").await;
        for name in ["", " ", "\t\n", &"x".repeat(101), &"é".repeat(101), "a\0b"] {
            assert_eq!(create(&app, &acme, &draft(name)).await.wrong_fields(), ["name"], "{name:?}");
            assert_eq!(update(&app, &acme, &ada.id, &json!({"name": name})).await.wrong_fields(), ["name"], "{name:?}");
        }
    }

    async fn an_email_is_valid_and_has_at_most_255_characters(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        for email in ["a@b.co", "first.last+tag@sub.example.com", "o'neil@example.com", &email_of(254), &email_of(255)]
        {
            create(&app, &acme, &json!({"name": "x", "email": email})).await.is((201, ""), email);
        }
        for email in
            ["", "ada", "ada@", "@example.com", "a b@example.com", "ada@example..com", "a@b@c.d", &email_of(256)]
        {
            let draft = json!({"name": "x", "email": email});
            assert!(create(&app, &acme, &draft).await.wrong_fields().iter().all(|field| field == "email"), "{email}");
            let changed = update(&app, &acme, &ada.id, &json!({"email": email})).await;
            assert!(changed.wrong_fields().iter().all(|field| field == "email"), "{email}");
        }
    }

    async fn an_email_is_unique_in_the_tenant_without_regard_to_case(app: TestApp) {
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        let draft = |email: &str| json!({"name": "x", "email": email});
        create(&app, &acme, &draft("Ada@Example.com")).await.expect(201);
        for email in ["Ada@Example.com", "ada@example.com", "ADA@EXAMPLE.COM"] {
            let refused = create(&app, &acme, &draft(email)).await.refused(409, "conflict");
            assert!(refused.json()["detail"].as_str().unwrap().contains("email"), "{}", refused.text);
        }
        create(&app, &globex, &draft("ada@example.com")).await.expect(201);

        let bob = app.user(&acme, "bob").await;
        update(&app, &acme, &bob.id, &draft("aDa@example.com")).await.refused(409, "conflict");
        let kept = app.get(&format!("/v1/users/{}", bob.id)).bearer(&acme.token("viewer")).send().await.expect(200);
        assert_eq!(kept.json(), bob.json, "a refused change changes nothing");
        update(&app, &acme, &bob.id, &draft("BOB@acme.test")).await.expect(200);
    }

    async fn an_email_is_free_again_once_its_user_is_gone(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        app.delete(&format!("/v1/users/{}", ada.id)).bearer(&acme.token("admin")).send().await.expect(204);
        assert_ne!(app.user(&acme, "ada").await.id, ada.id);
    }

    async fn every_wrong_field_is_named(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        for (draft, fields) in [
            (json!({}), vec!["name"]),
            (json!({"name": "x"}), vec!["email"]),
            (json!({"name": 7, "email": "a@b.co"}), vec!["name"]),
            (json!({"name": "", "email": "nobody"}), vec!["email", "name"]),
            (json!({"name": "x", "email": "a@b.co", "role": "owner"}), vec!["role"]),
            (json!({"name": "x", "email": "a@b.co", "role": "platform_admin"}), vec!["role"]),
            (json!({"name": "x", "email": "a@b.co", "colour": "red"}), vec!["colour"]),
            (json!({"name": "x", "email": "a@b.co", "id": ada.id}), vec!["id"]),
            (json!({"name": "x", "email": "a@b.co", "created_at": "2020-01-01T00:00:00Z"}), vec!["created_at"]),
            (json!({"name": "x", "email": "a@b.co", "version": 7}), vec!["version"]),
            (json!({"name": "x", "email": "a@b.co", "tenant_id": 7}), vec!["tenant_id"]),
            (json!([]), vec!["body"]),
            (json!("x"), vec!["body"]),
        ] {
            assert_eq!(create(&app, &acme, &draft).await.wrong_fields(), fields, "{draft}");
        }
        for (changes, field) in [
            (json!({"name": null}), "name"),
            (json!({"email": null}), "email"),
            (json!({"role": "owner"}), "role"),
            (json!({"id": ada.id}), "id"),
            (json!({"updated_at": "2020-01-01T00:00:00Z"}), "updated_at"),
            (json!([]), "body"),
        ] {
            assert_eq!(update(&app, &acme, &ada.id, &changes).await.wrong_fields(), [field], "{changes}");
        }
        let users = app.get("/v1/users").bearer(&acme.token("viewer")).send().await.expect(200);
        assert_eq!(users.data(), [ada.json], "nothing was made or changed");
    }

    async fn another_tenants_id_in_the_body_is_refused_before_the_rest_is_looked_at(app: TestApp) {
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        let ada = app.user(&acme, "ada").await;
        for tenant_id in [globex.id.clone(), Uuid::now_v7().to_string(), "globex".to_owned()] {
            let bad = json!({"tenant_id": tenant_id, "colour": "red"});
            create(&app, &acme, &bad).await.refused(403, "tenant_mismatch");
            update(&app, &acme, &ada.id, &bad).await.refused(403, "tenant_mismatch");
        }
        update(&app, &acme, &ada.id, &json!({"tenant_id": acme.id})).await.expect(200);
    }

    async fn a_change_changes_what_it_names(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let mut expected = ada.json.clone();
        for (field, value) in [("name", "Ada King"), ("email", "king@example.com"), ("role", "admin")] {
            let changed = update(&app, &acme, &ada.id, &json!({field: value})).await.expect(200);
            let user = changed.json();
            expected[field] = json!(value);
            assert!(user["updated_at"].as_str() > expected["updated_at"].as_str(), "{user}");
            expected["updated_at"] = user["updated_at"].clone();
            assert_eq!(user, expected);
            let found = app.get(&format!("/v1/users/{}", ada.id)).bearer(&acme.token("viewer")).send().await;
            assert_eq!((found.json(), found.etag()), (expected.clone(), changed.etag()));
        }
        let same = update(&app, &acme, &ada.id, &json!({})).await.expect(200).json();
        assert_eq!(
            (&same["name"], &same["email"], &same["role"]),
            (&expected["name"], &expected["email"], &expected["role"])
        );
    }

    async fn deleting_a_user_deletes_its_posts_and_nobody_elses(app: TestApp) {
        let acme = app.tenant("acme").await;
        let (ada, bob) = (app.user(&acme, "ada").await, app.user(&acme, "bob").await);
        app.post_of(&acme, &ada.id, "one").await;
        app.post_of(&acme, &ada.id, "two").await;
        let kept = app.post_of(&acme, &bob.id, "three").await;
        let path = format!("/v1/users/{}", ada.id);
        let gone = app.delete(&path).bearer(&acme.token("admin")).send().await.expect(204);
        assert_eq!(gone.text, "");
        app.get(&path).bearer(&acme.token("viewer")).send().await.refused(404, "not_found");
        app.delete(&path).bearer(&acme.token("admin")).send().await.refused(404, "not_found");
        let posts = app.get("/v1/posts").bearer(&acme.token("viewer")).send().await.expect(200);
        assert_eq!(posts.column("id"), [kept.id]);
    }

    async fn who_is_not_there_is_not_found(app: TestApp) {
        let acme = app.tenant("acme").await;
        let path = format!("/v1/users/{}", Uuid::now_v7());
        let admin = acme.token("admin");
        app.get(&path).bearer(&admin).send().await.refused(404, "not_found");
        app.patch(&path).bearer(&admin).json(&json!({"name": "x"})).send().await.refused(404, "not_found");
        app.patch(&path).bearer(&admin).json(&json!({})).send().await.refused(404, "not_found");
        app.delete(&path).bearer(&admin).send().await.refused(404, "not_found");
        app.get(&format!("{path}/posts")).bearer(&admin).send().await.refused(404, "not_found");
    }

    async fn a_users_posts_are_that_users_only(app: TestApp) {
        let acme = app.tenant("acme").await;
        let (ada, bob) = (app.user(&acme, "ada").await, app.user(&acme, "bob").await);
        let first = app.post_of(&acme, &ada.id, "An apple").await;
        app.post_of(&acme, &bob.id, "An apple of Bob's").await;
        let second = app.post_of(&acme, &ada.id, "A pear").await;
        let path = format!("/v1/users/{}/posts", ada.id);
        let list = async |query| app.get(&path).query(query).bearer(&acme.token("viewer")).send().await.expect(200);
        assert_eq!(list(&[]).await.column("id"), [second.id.clone(), first.id.clone()]);
        assert_eq!(list(&[("q", "APPLE")]).await.column("id"), [first.id.as_str()]);
        let page = list(&[("page", "2"), ("limit", "1")]).await.json();
        assert_eq!((&page["data"][0]["id"], &page["total"]), (&json!(first.id), &json!(2)));
        let nobody = app.get(&format!("/v1/users/{}/posts", app.user(&acme, "eve").await.id));
        assert_eq!(nobody.bearer(&acme.token("viewer")).send().await.expect(200).data(), Vec::<Value>::new());
    }
}
