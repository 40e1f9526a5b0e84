//! Posts: made, read, changed and deleted; a member's own and others'.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::every_place;
use crate::expect::{is_id, is_time};
use crate::support::{Answer, TestApp};

const MIB: usize = 1024 * 1024;

async fn create(app: &TestApp, token: &str, draft: &Value) -> Answer {
    app.post("/v1/posts").bearer(token).json(draft).send().await
}

async fn update(app: &TestApp, token: &str, id: &str, changes: &Value) -> Answer {
    app.patch(&format!("/v1/posts/{id}")).bearer(token).json(changes).send().await
}

every_place! {
    async fn a_new_post_is_answered_whole_and_is_found(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let own = acme.token_of("member", &ada.id);
        let draft = json!({"title": "On engines", "content": "They weave.", "tenant_id": acme.id});
        let made = create(&app, &own, &draft).await.expect(201);
        let post = made.json();
        assert_eq!(
            (&post["title"], &post["content"], &post["user_id"], &post["tenant_id"]),
            (&json!("On engines"), &json!("They weave."), &json!(ada.id), &json!(acme.id))
        );
        let mut fields: Vec<_> = post.as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["content", "created_at", "id", "tenant_id", "title", "updated_at", "user_id"]);
        is_id(&post["id"]);
        is_time(&post["created_at"]);
        is_time(&post["updated_at"]);

        let location = made.header("location").unwrap();
        assert_eq!(location, format!("/v1/posts/{}", post["id"].as_str().unwrap()));
        let found = app.get(location).bearer(&acme.token("viewer")).send().await.expect(200);
        assert_eq!((found.json(), found.etag()), (post, made.etag()));
    }

    async fn the_author_is_the_caller_or_whom_an_admin_names(app: TestApp) {
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        let (ada, bob) = (app.user(&acme, "ada").await, app.user(&acme, "bob").await);
        let foreign = app.user(&globex, "eve").await;
        let member = acme.token_of("member", &ada.id);
        let admin = acme.token_of("admin", &ada.id);
        let named = |user: &str| json!({"title": "x", "user_id": user});

        for (token, draft) in
            [(&member, json!({"title": "x"})), (&member, named(&ada.id)), (&admin, json!({"title": "x"}))]
        {
            assert_eq!(create(&app, token, &draft).await.expect(201).json()["user_id"], json!(ada.id), "{draft}");
        }
        assert_eq!(create(&app, &admin, &named(&bob.id)).await.expect(201).json()["user_id"], json!(bob.id));
        create(&app, &member, &named(&bob.id)).await.refused(403, "forbidden");
        create(&app, &member, &named(&foreign.id)).await.refused(403, "forbidden");

        // Another tenant's user is as unknown as one that is nobody's.
        let foreign = create(&app, &admin, &named(&foreign.id)).await;
        let nobody = create(&app, &admin, &named(&Uuid::now_v7().to_string())).await;
        assert_eq!(foreign.wrong_fields(), ["user_id"]);
        assert_eq!(foreign.essence(), nobody.essence());
        assert_eq!(create(&app, &acme.token("member"), &json!({"title": "x"})).await.wrong_fields(), ["user_id"]);
        assert_eq!(
            create(&app, &acme.token_of("admin", "ops"), &json!({"title": "x"})).await.wrong_fields(),
            ["user_id"]
        );
    }

    async fn a_title_has_1_to_255_characters(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let own = acme.token_of("member", &ada.id);
        let post = app.post_of(&acme, &ada.id, "Before").await;
        for title in ["x", &"x".repeat(255), &"é".repeat(255), &"🦀".repeat(255)] {
            let made = create(&app, &own, &json!({"title": title})).await.expect(201);
            assert_eq!(made.json()["title"], *title);
            update(&app, &own, &post.id, &json!({"title": title})).await.expect(200);
        }
        for title in ["", "  ", &"x".repeat(256), &"é".repeat(256), "a\0b"] {
            assert_eq!(create(&app, &own, &json!({"title": title})).await.wrong_fields()[0], "title", "{title:?}");
            assert_eq!(update(&app, &own, &post.id, &json!({"title": title})).await.wrong_fields()[0], "title");
        }
    }

    async fn content_is_optional_and_has_at_most_1_mib(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let own = acme.token_of("member", &ada.id);
        let draft = |content: Value| json!({"title": "x", "content": content});
        for content in [json!(null), json!(""), json!("x".repeat(MIB)), json!("é".repeat(MIB / 2))] {
            let made = create(&app, &own, &draft(content.clone())).await.expect(201).json();
            assert!(made["content"] == content, "kept as it was sent");
            let path = format!("/v1/posts/{}", made["id"].as_str().unwrap());
            let found = app.get(&path).bearer(&own).send().await.expect(200).json();
            assert!(found["content"] == content, "found as it was sent");
        }
        assert_eq!(create(&app, &own, &json!({"title": "x"})).await.expect(201).json()["content"], Value::Null);
        let post = app.post_of(&acme, &ada.id, "Before").await;
        for content in ["x".repeat(MIB + 1), "é".repeat(MIB / 2) + "x", "a\0b".to_owned()] {
            assert_eq!(create(&app, &own, &draft(json!(content))).await.wrong_fields(), ["content"]);
            assert_eq!(update(&app, &own, &post.id, &json!({"content": content})).await.wrong_fields(), ["content"]);
        }
    }

    async fn a_change_changes_what_it_names(app: TestApp) {
        let acme = app.tenant("acme").await;
        let (ada, bob) = (app.user(&acme, "ada").await, app.user(&acme, "bob").await);
        let admin = acme.token("admin");
        let post = app.post_of(&acme, &ada.id, "Before").await;
        let mut expected = post.json.clone();
        for (field, value) in [
            ("title", json!("After")),
            ("content", json!("Other")),
            ("content", json!(null)),
            ("content", json!("")),
            ("user_id", json!(bob.id)),
        ] {
            let changed = update(&app, &admin, &post.id, &json!({field: value})).await.expect(200);
            expected[field] = value;
            expected["updated_at"] = changed.json()["updated_at"].clone();
            assert_eq!(changed.json(), expected);
            let found = app.get(&format!("/v1/posts/{}", post.id)).bearer(&admin).send().await.expect(200);
            assert_eq!((found.json(), found.etag()), (expected.clone(), changed.etag()));
        }
        let unknown = json!({"user_id": Uuid::now_v7()});
        assert_eq!(update(&app, &admin, &post.id, &unknown).await.wrong_fields(), ["user_id"]);
        for (changes, field) in [
            (json!({"title": null}), "title"),
            (json!({"user_id": null}), "user_id"),
            (json!({"content": 7}), "content"),
            (json!({"id": post.id}), "id"),
            (json!({"version": 1}), "version"),
        ] {
            assert_eq!(update(&app, &admin, &post.id, &changes).await.wrong_fields(), [field], "{changes}");
        }
    }

    async fn a_member_writes_its_own_posts_only(app: TestApp) {
        let acme = app.tenant("acme").await;
        let (ada, bob) = (app.user(&acme, "ada").await, app.user(&acme, "bob").await);
        let member = acme.token_of("member", &ada.id);
        let (own, other) = (app.post_of(&acme, &ada.id, "Mine").await, app.post_of(&acme, &bob.id, "Bob's").await);
        let path = |id: &str| format!("/v1/posts/{id}");

        update(&app, &member, &own.id, &json!({"title": "Still mine", "user_id": ada.id})).await.expect(200);
        update(&app, &member, &own.id, &json!({"user_id": bob.id})).await.refused(403, "forbidden");
        update(&app, &member, &other.id, &json!({"title": "Mine now"})).await.refused(403, "forbidden");
        update(&app, &member, &other.id, &json!({"user_id": ada.id})).await.refused(403, "forbidden");
        app.delete(&path(&other.id)).bearer(&member).send().await.refused(403, "forbidden");
        let kept = app.get(&path(&other.id)).bearer(&member).send().await.expect(200);
        assert_eq!(kept.json(), other.json);

        let viewer = acme.token_of("viewer", &ada.id);
        create(&app, &viewer, &json!({"title": "x"})).await.refused(403, "forbidden");
        update(&app, &viewer, &own.id, &json!({"title": "x"})).await.refused(403, "forbidden");
        app.delete(&path(&own.id)).bearer(&viewer).send().await.refused(403, "forbidden");
        app.delete(&path(&own.id)).bearer(&member).send().await.expect(204);
        app.delete(&path(&other.id)).bearer(&acme.token("admin")).send().await.expect(204);
    }

    async fn what_is_not_there_is_not_found(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let post = app.post_of(&acme, &ada.id, "Gone").await;
        app.delete(&format!("/v1/posts/{}", post.id)).bearer(&acme.token("admin")).send().await.expect(204);
        for role in ["member", "admin"] {
            let token = acme.token_of(role, &ada.id);
            for id in [&post.id, &Uuid::now_v7().to_string()] {
                let path = format!("/v1/posts/{id}");
                app.get(&path).bearer(&token).send().await.refused(404, "not_found");
                app.patch(&path).bearer(&token).json(&json!({"title": "x"})).send().await.refused(404, "not_found");
                app.delete(&path).bearer(&token).send().await.refused(404, "not_found");
            }
        }
    }

    async fn every_wrong_field_is_named(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let own = acme.token_of("admin", &ada.id);
        for (draft, field) in [
            (json!({}), "title"),
            (json!({"title": null}), "title"),
            (json!({"title": "x", "content": ["y"]}), "content"),
            (json!({"title": "x", "user_id": "ada"}), "user_id"),
            (json!({"title": "x", "tags": []}), "tags"),
            (json!({"title": "x", "id": ada.id}), "id"),
            (json!(["x"]), "body"),
        ] {
            assert_eq!(create(&app, &own, &draft).await.wrong_fields(), [field], "{draft}");
        }
        let both = create(&app, &own, &json!({"title": "x".repeat(256), "content": "\0"})).await;
        assert_eq!(both.wrong_fields(), ["content", "title"], "all at once");
        let foreign = json!({"tenant_id": Uuid::now_v7(), "tags": []});
        create(&app, &own, &foreign).await.refused(403, "tenant_mismatch");
        assert_eq!(app.database.number_everywhere("SELECT count(*) FROM posts").await, 0);
    }
}
