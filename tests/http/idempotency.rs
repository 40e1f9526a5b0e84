//! `Idempotency-Key`: sent again, a request gets the first answer again and makes nothing.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::every_place;
use crate::expect::{at_once, count};
use crate::support::{Answer, Call, TestApp};

fn create(app: &TestApp, path: &str, token: &str, key: &str, draft: &Value) -> Call {
    app.post(path).bearer(token).header("Idempotency-Key", key).json(draft)
}

/// All of an answer that its sender can rely on.
fn whole(answer: &Answer) -> (u16, String, Option<&str>, String) {
    (answer.status, answer.text.clone(), answer.header("location"), answer.etag())
}

every_place! {
    async fn the_same_request_again_gets_the_first_answer(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let own = acme.token_of("admin", &ada.id);
        for (path, draft, change) in [
            ("/v1/users", json!({"name": "Bob", "email": "bob@example.com"}), json!({"name": "Robert"})),
            ("/v1/posts", json!({"title": "Once"}), json!({"title": "Twice"})),
        ] {
            let key = Uuid::now_v7().to_string();
            let send = || create(&app, path, &own, &key, &draft).send();
            let first = send().await.expect(201);
            assert_eq!(whole(&send().await), whole(&first));
            let row = first.header("location").unwrap();
            app.patch(row).bearer(&own).json(&change).send().await.expect(200);
            assert_eq!(whole(&send().await), whole(&first), "also when the row has changed");
            app.delete(row).bearer(&own).send().await.expect(204);
            assert_eq!(whole(&send().await), whole(&first), "also when the row is gone");
            app.get(row).bearer(&own).send().await.refused(404, "not_found");
        }
    }

    async fn the_key_with_another_request_is_refused(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let own = acme.token_of("admin", &ada.id);
        let draft = json!({"name": "Bob", "email": "bob@example.com"});
        create(&app, "/v1/users", &own, "key", &draft).send().await.expect(201);
        let other = json!({"name": "Eve", "email": "eve@example.com"});
        create(&app, "/v1/users", &own, "key", &other).send().await.refused(422, "idempotency_key_reused");
        create(&app, "/v1/posts", &own, "key", &json!({"title": "x"}))
            .send()
            .await
            .refused(422, "idempotency_key_reused");
        create(&app, "/v1/users", &own, "Key", &other).send().await.expect(201);
        assert_eq!(app.database.number_everywhere("SELECT count(*) FROM users").await, 3);
        assert_eq!(app.database.number_everywhere("SELECT count(*) FROM posts").await, 0);
    }

    async fn a_key_belongs_to_who_sent_it(app: TestApp) {
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        let (ada, bob) = (app.user(&acme, "ada").await, app.user(&acme, "bob").await);
        let eve = app.user(&globex, "eve").await;
        let draft = json!({"title": "The same for all"});
        let mut ids = Vec::new();
        for token in
            [acme.token_of("member", &ada.id), acme.token_of("member", &bob.id), globex.token_of("member", &eve.id)]
        {
            ids.push(create(&app, "/v1/posts", &token, "key", &draft).send().await.expect(201).json()["id"].clone());
        }
        // The same `sub` in another tenant must not get the first one's answer.
        let twin = globex.token_of("member", &ada.id);
        assert_eq!(create(&app, "/v1/posts", &twin, "key", &draft).send().await.wrong_fields(), ["user_id"]);
        ids.dedup();
        assert_eq!(ids.len(), 3);
    }

    async fn a_refused_request_does_not_use_its_key_up(app: TestApp) {
        let acme = app.tenant("acme").await;
        app.user(&acme, "ada").await;
        let admin = acme.token("admin");
        let send = |draft: Value| create(&app, "/v1/users", &admin, "key", &draft).send();
        assert_eq!(send(json!({"name": "Bob"})).await.wrong_fields(), ["email"]);
        send(json!({"name": "Bob", "email": "ada@acme.test"})).await.refused(409, "conflict");
        send(json!({"name": "Bob", "email": "bob@acme.test"})).await.expect(201);
    }

    async fn who_may_not_write_does_not_get_an_answer_by_its_key(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let draft = json!({"title": "Once"});
        let send = |role: &str| create(&app, "/v1/posts", &acme.token_of(role, &ada.id), "key", &draft).send();
        send("member").await.expect(201);
        send("viewer").await.refused(403, "forbidden");
    }

    async fn a_key_is_1_to_255_visible_characters(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let own = acme.token_of("member", &ada.id);
        let send = |key: &str| create(&app, "/v1/posts", &own, key, &json!({"title": "x"})).send();
        for key in ["x", &"x".repeat(255), "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"] {
            send(key).await.is((201, ""), key);
        }
        for key in ["", "a b", "é", &"x".repeat(256)] {
            send(key).await.is((400, "malformed"), key);
        }
    }

    async fn a_key_is_forgotten_after_a_day(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let own = acme.token_of("member", &ada.id);
        let send = || create(&app, "/v1/posts", &own, "key", &json!({"title": "x"})).send();
        let first = send().await.expect(201);
        app.database.execute_everywhere("UPDATE idempotency_keys SET created_at = '2001-01-01 00:00:00+00:00'").await;
        assert_ne!(send().await.expect(201).json()["id"], first.json()["id"]);
        assert_eq!(app.database.number_everywhere("SELECT count(*) FROM idempotency_keys").await, 1, "old ones are cleared away");
    }

    async fn of_20_at_once_one_makes_a_row_and_all_get_its_answer(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let own = acme.token_of("admin", &ada.id);
        for (path, draft, rows) in [
            ("/v1/users", json!({"name": "Bob", "email": "bob@example.com"}), "SELECT count(*) FROM users"),
            ("/v1/posts", json!({"title": "Once"}), "SELECT count(*) FROM posts"),
        ] {
            let before = app.database.number_everywhere(rows).await;
            let key = Uuid::now_v7().to_string();
            let answers = at_once((0..20).map(|_| create(&app, path, &own, &key, &draft))).await;
            for answer in &answers {
                assert_eq!(whole(answer), whole(&answers[0]), "{path}");
                assert_eq!(answer.status, 201);
            }
            assert_eq!(app.database.number_everywhere(rows).await, before + 1, "{path}");
        }
    }

    async fn of_20_different_requests_with_one_key_one_is_done(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let own = acme.token_of("member", &ada.id);
        let draft =
            |number: usize| create(&app, "/v1/posts", &own, "key", &json!({"title": format!("Number {number}")}));
        let answers = at_once((0..20).map(draft)).await;
        assert_eq!((count(&answers, 201), count(&answers, 422)), (1, 19));
        assert_eq!(app.database.number_everywhere("SELECT count(*) FROM posts").await, 1);
    }

    async fn of_20_users_with_one_email_at_once_one_is_made(app: TestApp) {
        let acme = app.tenant("acme").await;
        let admin = acme.token("admin");
        let draft = |number: usize| {
            let email = ["ada@example.com", "ADA@example.com"][number % 2];
            app.post("/v1/users").bearer(&admin).json(&json!({"name": "Ada", "email": email}))
        };
        let answers = at_once((0..20).map(draft)).await;
        assert_eq!((count(&answers, 201), count(&answers, 409)), (1, 19));
    }

    async fn without_a_key_every_request_makes_a_row(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let own = acme.token_of("member", &ada.id);
        let answers = at_once((0..20).map(|_| app.post("/v1/posts").bearer(&own).json(&json!({"title": "x"})))).await;
        assert_eq!(count(&answers, 201), 20);
        assert_eq!(app.database.number_everywhere("SELECT count(*) FROM posts").await, 20);
        assert_eq!(app.database.number_everywhere("SELECT count(*) FROM idempotency_keys").await, 0);
    }
}
