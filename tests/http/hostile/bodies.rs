//! Writing into the other tenant: by what a body says, by whom it refers to, by a key that the other one has used.

use serde_json::{Value, json};
use uuid::Uuid;

use super::World;
use crate::every_fleet;
use crate::support::TestApp;

every_fleet! {
    async fn a_body_cannot_say_whose_row_it_makes(app: TestApp) {
        let world = World::new(app).await;
        let token = world.admin();
        let (own, victim) = (&world.acme.tenant.id, &world.globex.tenant.id);
        let (user, post) = (&world.acme.users[1].id, &world.acme.posts[1].id);
        let mismatch = (403, "tenant_mismatch");
        let invalid = (422, "validation_failed");
        for (tenant, due) in [
            (json!(victim), mismatch),
            (json!(victim.to_uppercase()), mismatch),
            (json!(victim.replace('-', "")), mismatch),
            (json!("globex"), mismatch),
            (json!("nobody"), mismatch),
            (json!("00000000-0000-0000-0000-000000000000"), mismatch),
            (json!([victim]), invalid),
            (json!({ "id": victim }), invalid),
            (json!(1), invalid),
            (json!(true), invalid),
        ] {
            for mut call in [
                (world.app.post("/v1/users"), json!({ "name": "x", "email": "x@x.test" })),
                (world.app.post("/v1/posts"), json!({ "title": "x" })),
                (world.app.patch(&format!("/v1/users/{user}")), json!({ "name": "x" })),
                (world.app.patch(&format!("/v1/posts/{post}")), json!({ "title": "x" })),
            ] {
                call.1["tenant_id"] = tenant.clone();
                let case = call.1.to_string();
                world.attack(call.0.json(&call.1).bearer(&token), &case).await.is(due, &case);
            }
        }
        for text in [
            format!(r#"{{"title": "x", "tenant_id": "{own}", "tenant_id": "{victim}"}}"#),
            format!(r#"{{"title": "x", "tenant_id": "{victim}", "tenant_id": "{own}"}}"#),
            format!(r#"{{"title": "x", "Tenant_ID": "{victim}"}}"#),
            format!(r#"{{"title": "x", "tenant": "{victim}"}}"#),
            format!(r#"{{"title": "x", "tenantId": "{victim}"}}"#),
            format!(r#"{{"title": "x", "tenant\u005fid": "{own}", "tenant_id": "{victim}"}}"#),
            format!(r#"{{"title": "x", "id": "{}"}}"#, world.globex.posts[0].id),
            format!(r#"{{"title": "x", "version": 9, "created_at": "{victim}"}}"#),
            format!(r#"[{{"title": "x", "tenant_id": "{victim}"}}]"#),
        ] {
            let answer =
                world.attack(world.app.post("/v1/posts").text("application/json", text.clone()).bearer(&token), &text);
            let answer = answer.await;
            assert!(matches!(answer.status, 403 | 422), "{text}: {answer:?}");
        }
        world.victim_is_untouched().await;
    }

    async fn a_reference_to_the_other_tenant_is_one_to_nobody(app: TestApp) {
        let world = World::new(app).await;
        let (victim, nobody) = (&world.globex.users[0].id, Uuid::now_v7().to_string());
        let post = format!("/v1/posts/{}", world.acme.posts[0].id);
        for token in [world.member(), world.admin()] {
            let make =
                |user: &str| world.app.post("/v1/posts").json(&json!({ "title": "x", "user_id": user })).bearer(&token);
            let give = |user: &str| world.app.patch(&post).json(&json!({ "user_id": user })).bearer(&token);
            let made = world.same(make(victim), make(&nobody), "a post of theirs").await;
            let given = world.same(give(victim), give(&nobody), "a post given to them").await;
            assert!(matches!((made.status, given.status), (403, 403) | (422, 422)), "{made:?} {given:?}");
        }
        // A token of one's own tenant whose subject is a user of the other one.
        for role in ["viewer", "member", "admin"] {
            let write = |user: &str| {
                world
                    .app
                    .post("/v1/posts")
                    .json(&json!({ "title": "x" }))
                    .bearer(&world.acme.tenant.token_of(role, user))
            };
            let written = world.same(write(victim), write(&nobody), role).await;
            assert!(matches!(written.status, 403 | 422), "{written:?}");
        }
        world.victim_is_untouched().await;
    }

    /// What is unique is unique in a tenant: a refusal would tell that the other one has it.
    async fn an_address_that_the_other_tenant_has_is_free(app: TestApp) {
        let world = World::new(app).await;
        let email = world.globex.users[0].json["email"].as_str().expect("an address").to_owned();
        let draft = json!({ "name": "Namesake", "email": email });
        let made = world.app.post("/v1/users").json(&draft).bearer(&world.admin()).send().await.expect(201);
        assert_eq!(made.json()["tenant_id"], world.acme.tenant.id);
        world.app.post("/v1/users").json(&draft).bearer(&world.admin()).send().await.refused(409, "conflict");
        let upper = json!({ "email": email.to_uppercase() });
        let user = format!("/v1/users/{}", made.json()["id"].as_str().expect("an id"));
        world.app.patch(&user).json(&upper).bearer(&world.admin()).send().await.expect(200);
        world.app.delete(&user).bearer(&world.admin()).send().await.expect(204);
        world.victim_is_untouched().await;
    }

    /// Not even for somebody of the same name: each tenant's keys are its own.
    async fn an_idempotency_key_of_the_other_tenant_is_unused(app: TestApp) {
        let world = World::new(app).await;
        let draft = json!({ "title": "Once", "content": "and only once" });
        let of_acme = &world.acme.users[0].id;
        let make = async |token: &str, draft: &Value| {
            world.app.post("/v1/posts").header("idempotency-key", "the-key").json(draft).bearer(token).send().await
        };
        // The victim has a user of that id only in the token's claims, so the author is named.
        let mut of_victim = draft.clone();
        of_victim["user_id"] = json!(world.globex.users[0].id);
        let first = make(&world.globex.tenant.token_of("admin", of_acme), &of_victim).await.expect(201).json();
        // The very same body first: it refers to somebody who is nobody here.
        let copied = make(&world.admin(), &of_victim).await;
        world.globex.is_not_in(&copied, "the other's key and body");
        copied.refused(422, "validation_failed");
        let own = make(&world.admin(), &draft).await.expect(201);
        world.globex.is_not_in(&own, "the other's key");
        assert_eq!(own.json()["tenant_id"], world.acme.tenant.id);
        assert_ne!(own.json()["id"], first["id"]);
        assert_eq!(make(&world.admin(), &draft).await.expect(201).json(), own.json());
        let count = "SELECT count(*) FROM posts WHERE title = 'Once'";
        assert_eq!(world.app.database.number_everywhere(count).await, 2);

        let users = json!({ "name": "Same", "email": "same@everywhere.test" });
        let make = async |token: &str| {
            world
                .app
                .post("/v1/users")
                .header("idempotency-key", "k")
                .json(&users)
                .bearer(token)
                .send()
                .await
                .expect(201)
                .json()
        };
        let (theirs, ours) = (make(&world.globex.tenant.token_of("admin", of_acme)).await, make(&world.admin()).await);
        assert_ne!(theirs["id"], ours["id"]);
        assert_eq!(
            (&theirs["tenant_id"], &ours["tenant_id"]),
            (&json!(world.globex.tenant.id), &json!(world.acme.tenant.id))
        );
    }
}
