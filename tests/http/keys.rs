//! Contents sealed at rest, and keys that change.

use serde_json::{Value, json};
use testkit::TestDatabase;

use crate::support::{Housing, Tenant, TestApp, tokens};
use crate::{both_databases, every_place};

/// A master key; data keys that expire soon, and requests that end soon, so that a rotation does not take long.
pub(crate) const SEALING: [(&str, &str); 3] = [
    ("ENCRYPTION_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
    ("ENCRYPTION_KEY_TTL", "300ms"),
    ("REQUEST_TIMEOUT", "2s"),
];

/// How many rows hold a text like this, wherever they are, past all locks.
async fn stored(app: &TestApp, column: &str, table: &str, pattern: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table} WHERE {column} LIKE '{pattern}'");
    app.database.number_everywhere(&sql).await
}

async fn rotate(app: &TestApp, tenant: &Tenant) {
    let begun = app.act(tenant, "keys/rotate").await.expect(202);
    let operation = begun.json();
    let id = operation["id"].as_str().expect("an id");
    assert_eq!(begun.header("location"), Some(format!("/admin/v1/operations/{id}").as_str()));
    assert_eq!((&operation["kind"], &operation["source"]), (&json!("rotate"), &operation["target"]));
    let ended = app.ended(id).await;
    assert_eq!((&ended["status"], &ended["phase"], &ended["error"]), (&json!("done"), &json!("ended"), &json!(null)));
}

every_place! {
    async fn what_is_stored_tells_nothing_and_what_is_answered_is_as_ever(housing: Housing) {
        let app = TestApp::with(housing, &SEALING).await;
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let post = app.post_of(&acme, &ada.id, "Secrets").await;
        assert_eq!(post.json["content"], "About Secrets.");
        let draft = json!({ "title": "Kept", "content": "About keys.", "user_id": ada.id });
        let admin = acme.token_of("admin", &ada.id);
        let kept = async || {
            let call = app.post("/v1/posts").bearer(&admin).header("idempotency-key", "one");
            call.json(&draft).send().await.expect(201)
        };
        assert_eq!(kept().await.text, kept().await.text, "the first answer again");
        let path = format!("/v1/posts/{}", post.id);
        let changed = app.patch(&path).bearer(&acme.token("admin")).json(&json!({ "content": "About more." }));
        assert_eq!(changed.send().await.expect(200).json()["content"], "About more.");

        assert_eq!(stored(&app, "content", "posts", "sealed:1:1:%").await, 2);
        assert_eq!(stored(&app, "body", "idempotency_keys", "sealed:1:1:%").await, 1);
        for (column, table) in [("content", "posts"), ("body", "idempotency_keys")] {
            assert_eq!(stored(&app, column, table, "%About%").await, 0, "{table}");
        }

        let before = app.rows_of(&acme).await;
        rotate(&app, &acme).await;
        assert_eq!(app.rows_of(&acme).await, before, "to clients nothing has happened");
        assert_eq!(stored(&app, "content", "posts", "sealed:1:2:%").await, 2);
        assert_eq!(stored(&app, "body", "idempotency_keys", "sealed:1:2:%").await, 1);
        assert_eq!(kept().await.json()["content"], "About keys.");
        let audited = app.audited(&acme).await;
        let [.., begun, ended] = &audited[..] else { panic!("{audited:?}") };
        assert_eq!([begun, ended], ["tenant.keys.rotate", "tenant.keys.rotated"]);
    }
}

both_databases! {
    async fn a_text_that_was_moved_is_not_served(database: TestDatabase) {
        let app = TestApp::with(database, &SEALING).await;
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let (mine, other) = (app.post_of(&acme, &ada.id, "Mine").await, app.post_of(&acme, &ada.id, "Other").await);
        let moved = "UPDATE posts SET content = (SELECT content FROM posts AS mine WHERE mine.title = 'Mine')
                     WHERE title = 'Other'";
        app.database.execute(moved).await;
        let read = async |id: &str| app.get(&format!("/v1/posts/{id}")).bearer(&acme.token("viewer")).send().await;
        let answer = read(&other.id).await.refused(500, "internal");
        assert!(!answer.text.contains("Mine") && !answer.text.contains("sealed") && !answer.text.contains("posts"));
        app.get("/v1/posts").bearer(&acme.token("viewer")).send().await.refused(500, "internal");
        assert_eq!(read(&mine.id).await.expect(200).json()["content"], "About Mine.");

        // Whoever wrote it can put it right, and get rid of it.
        let admin = acme.token("admin");
        let path = format!("/v1/posts/{}", other.id);
        let change = async |body: Value| app.patch(&path).bearer(&admin).json(&body).send().await;
        change(json!({ "title": "Renamed" })).await.refused(500, "internal");
        assert_eq!(stored(&app, "title", "posts", "Renamed").await, 0, "nothing is half done");
        assert_eq!(change(json!({ "content": "Anew." })).await.expect(200).json()["content"], "Anew.");
        app.database.execute(moved).await;
        app.delete(&path).bearer(&admin).send().await.expect(204);
    }

    async fn without_a_master_key_there_is_nothing_to_rotate(app: TestApp) {
        let acme = app.tenant("acme").await;
        let refused = app.act(&acme, "keys/rotate").await.refused(409, "conflict");
        assert!(refused.text.contains("ENCRYPTION_MASTER_KEY"), "{}", refused.text);
        let ada = app.user(&acme, "ada").await;
        app.post_of(&acme, &ada.id, "Plain").await;
        assert_eq!(stored(&app, "content", "posts", "About Plain.").await, 1);
    }

    async fn an_export_is_plain_unless_asked_for_otherwise(database: TestDatabase) {
        let app = TestApp::with(database, &SEALING).await;
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        app.post_of(&acme, &ada.id, "Secrets").await;
        let export = async |query: &str| {
            let path = format!("/admin/v1/tenants/acme/export{query}");
            app.get(&path).bearer(&tokens::platform()).send().await
        };
        for query in ["", "?contents=plain"] {
            let lines = export(query).await.expect(200).text;
            assert!(lines.contains("About Secrets.") && lines.contains(r#""contents":"plain""#), "{lines}");
        }
        let sealed = export("?contents=sealed").await.expect(200).text;
        assert!(!sealed.contains("About Secrets.") && sealed.contains(r#""contents":"sealed""#), "{sealed}");
        export("?contents=none").await.refused(422, "validation_failed");

        let import = app.post("/admin/v1/tenants/import?slug=copy").bearer(&tokens::platform());
        let copy = import.text("application/x-ndjson", sealed).send().await.expect(201).json();
        let copy = Tenant { id: copy["id"].as_str().expect("an id").to_owned(), slug: "copy".to_owned() };
        assert_ne!(copy.id, acme.id, "the id is in use");
        assert_eq!(app.rows_of(&copy).await[1].json["content"], "About Secrets.");
    }
}
