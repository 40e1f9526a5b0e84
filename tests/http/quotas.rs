//! How much a tenant may have: counted exactly, whatever is written, by however many at once.

use serde_json::{Value, json};

use crate::every_place;
use crate::expect::{at_once, count};
use crate::support::{Answer, Tenant, TestApp, tokens};

async fn limit(app: &TestApp, tenant: &Tenant, limits: Value) {
    let call = app.patch(&format!("/admin/v1/tenants/{}", tenant.slug)).bearer(&tokens::platform());
    call.json(&json!({ "limits": limits })).send().await.expect(200);
}

/// Rows and bytes by table, as the platform is shown them.
async fn has(app: &TestApp, tenant: &Tenant) -> Value {
    let call = app.get(&format!("/admin/v1/tenants/{}/stats", tenant.slug)).bearer(&tokens::platform());
    call.send().await.expect(200).json()["tables"].clone()
}

fn amounts(users: (usize, usize), posts: (usize, usize)) -> Value {
    json!([
        { "table": "users", "rows": users.0, "bytes": users.1 },
        { "table": "posts", "rows": posts.0, "bytes": posts.1 },
    ])
}

async fn write(app: &TestApp, tenant: &Tenant, user: &str, title: &str, content: Option<&str>) -> Answer {
    let draft = json!({ "title": title, "content": content, "user_id": user });
    app.post("/v1/posts").bearer(&tenant.token("admin")).json(&draft).send().await
}

/// The bytes of a user that `TestApp::user` makes.
fn bytes_of(name: &str, tenant: &Tenant) -> usize {
    name.len() + format!("{name}@{}.test", tenant.slug).len()
}

every_place! {
    async fn of_a_hundred_at_once_one_gets_the_last_place(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        write(&app, &acme, &ada.id, "first", None).await.expect(201);
        limit(&app, &acme, json!({ "posts": 2, "users": 1 })).await;
        let token = acme.token("admin");
        let draft = json!({ "title": "x", "user_id": ada.id });
        let answers = at_once((0..100).map(|_| app.post("/v1/posts").bearer(&token).json(&draft))).await;
        assert_eq!((count(&answers, 201), count(&answers, 403)), (1, 99));
        answers.into_iter().filter(|answer| answer.status == 403).for_each(|answer| {
            answer.refused(403, "quota_exceeded");
        });
        assert_eq!(app.rows_of(&acme).await.len(), 3);
        assert_eq!(has(&app, &acme).await, amounts((1, bytes_of("ada", &acme)), (2, 6)));
    }

    async fn bytes_are_those_that_were_sent(app: TestApp) {
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        let (ada, token) = (app.user(&acme, "ada").await, acme.token("admin"));
        app.user(&globex, "bob").await;
        let user = bytes_of("ada", &acme);
        assert_eq!(has(&app, &acme).await, amounts((1, user), (0, 0)));
        let post = write(&app, &acme, &ada.id, "Grüße", Some("äöü")).await.expect(201).json();
        assert_eq!(has(&app, &acme).await, amounts((1, user), (1, 7 + 6)));
        let change = async |path: String, body: Value| {
            app.patch(&path).bearer(&token).json(&body).send().await.expect(200);
        };
        let path = format!("/v1/posts/{}", post["id"].as_str().unwrap());
        for (body, bytes) in [
            (json!({ "title": "Hi" }), 2 + 6),
            (json!({ "content": "longer" }), 2 + 6),
            (json!({ "content": "x".repeat(5000) }), 2 + 5000),
            (json!({ "title": "Hello", "content": "y" }), 5 + 1),
            (json!({ "content": null }), 5),
        ] {
            change(path.clone(), body.clone()).await;
            assert_eq!(has(&app, &acme).await, amounts((1, user), (1, bytes)), "{body}");
        }
        change(format!("/v1/users/{}", ada.id), json!({ "name": "Ada Lovelace" })).await;
        change(format!("/v1/users/{}", ada.id), json!({ "role": "admin" })).await;
        assert_eq!(has(&app, &acme).await, amounts((1, user - 3 + 12), (1, 5)));
        app.delete(&path).bearer(&token).send().await.expect(204);
        assert_eq!(has(&app, &acme).await, amounts((1, user - 3 + 12), (0, 0)));
        assert_eq!(has(&app, &globex).await, amounts((1, bytes_of("bob", &globex)), (0, 0)));
    }

    async fn what_goes_with_a_user_is_given_back(app: TestApp) {
        let acme = app.tenant("acme").await;
        let (ada, bob) = (app.user(&acme, "ada").await, app.user(&acme, "bob").await);
        for number in 0..5 {
            write(&app, &acme, &ada.id, &format!("{number}"), Some("abc")).await.expect(201);
        }
        write(&app, &acme, &bob.id, "stays", None).await.expect(201);
        limit(&app, &acme, json!({ "posts": 6, "users": 2 })).await;
        write(&app, &acme, &bob.id, "too many", None).await.refused(403, "quota_exceeded");
        app.delete(&format!("/v1/users/{}", ada.id)).bearer(&acme.token("admin")).send().await.expect(204);
        assert_eq!(has(&app, &acme).await, amounts((1, bytes_of("bob", &acme)), (1, 5)));
        write(&app, &acme, &bob.id, "fits", None).await.expect(201);
        app.user(&acme, "eve").await;
    }

    /// Whoever has more than a limit that came later may change and delete, but not add.
    async fn a_limit_below_what_there_is_lets_nothing_more_in(app: TestApp) {
        let acme = app.tenant("acme").await;
        let (ada, token) = (app.user(&acme, "ada").await, acme.token("admin"));
        let post = write(&app, &acme, &ada.id, "a title", Some("ten bytes!")).await.expect(201).json();
        limit(&app, &acme, json!({ "storage_bytes": 10 })).await;
        let path = format!("/v1/posts/{}", post["id"].as_str().unwrap());
        let change = async |body: Value| app.patch(&path).bearer(&token).json(&body).send().await;
        change(json!({ "content": "ten bytes!!" })).await.refused(403, "quota_exceeded");
        change(json!({ "content": "as many .." })).await.expect(200);
        change(json!({ "content": "less" })).await.expect(200);
        write(&app, &acme, &ada.id, "x", None).await.refused(403, "quota_exceeded");
        app.delete(&path).bearer(&token).send().await.expect(204);
        limit(&app, &acme, json!({})).await;
        write(&app, &acme, &ada.id, "x", None).await.expect(201);
    }

    /// What was refused is not there, neither the row nor its idempotency key.
    async fn a_refused_write_leaves_nothing(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        limit(&app, &acme, json!({ "posts": 0 })).await;
        let token = acme.token("admin");
        let send = async || {
            let call = app.post("/v1/posts").bearer(&token).header("idempotency-key", "once");
            call.json(&json!({ "title": "x", "user_id": ada.id })).send().await
        };
        send().await.refused(403, "quota_exceeded");
        limit(&app, &acme, json!({ "posts": 1 })).await;
        send().await.expect(201);
        send().await.expect(201);
        assert_eq!(app.rows_of(&acme).await.len(), 2);
    }

    async fn what_there_is_goes_with_a_move_and_an_export(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        for number in 0..5 {
            write(&app, &acme, &ada.id, &format!("{number}"), Some("äbc")).await.expect(201);
        }
        let due = amounts((1, bytes_of("ada", &acme)), (5, 25));
        let export = app.get(&format!("/admin/v1/tenants/{}/export", acme.slug)).bearer(&tokens::platform());
        let export = export.send().await.expect(200).text;
        let isolation = app.shown(&acme).await.json()["isolation"].clone();
        let target = if isolation == "database" { "shared" } else { "database" };
        let moved = app.move_to(&acme, target).await.expect(202).json();
        let ended = app.ended(moved["id"].as_str().unwrap()).await;
        assert_eq!(ended["status"], "done", "{ended}");
        assert_eq!(has(&app, &acme).await, due);
        write(&app, &acme, &ada.id, "six", None).await.expect(201);
        assert_eq!(has(&app, &acme).await, amounts((1, bytes_of("ada", &acme)), (6, 28)));

        let import = app.post("/admin/v1/tenants/import?slug=copy").bearer(&tokens::platform());
        import.text("application/x-ndjson", export).send().await.expect(201);
        let copy = Tenant { id: String::new(), slug: "copy".to_owned() };
        assert_eq!(has(&app, &copy).await, due);
    }

    async fn of_all_is_the_sum(app: TestApp) {
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        let ada = app.user(&acme, "ada").await;
        app.user(&globex, "ada").await;
        write(&app, &acme, &ada.id, "x", Some("y")).await.expect(201);
        let stats = app.get("/admin/v1/stats").bearer(&tokens::platform()).send().await.expect(200).json();
        let users = bytes_of("ada", &acme) + bytes_of("ada", &globex);
        assert_eq!((&stats["tables"], &stats["missing"]), (&amounts((2, users), (1, 2)), &json!([])));
    }
}
