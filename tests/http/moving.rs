//! Tenants moved from one place to another while they work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::TestDatabase;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::both_databases;
use crate::expect::is_time;
use crate::support::work::HASTY;
use crate::support::{Answer, Call, Row, Tenant, TestApp, tokens};

const COUNT: &str = "SELECT count(*) FROM posts";

/// Every place out of shared tables and back into them, each after the one before.
fn journey(app: &TestApp) -> Vec<&'static str> {
    app.database.own_places().iter().map(|own| own.isolation()).chain(["shared"]).collect()
}

fn id(operation: &Answer) -> String {
    operation.json()["id"].as_str().expect("an id").to_owned()
}

/// Moves it, and fails unless that ends well.
async fn moved(app: &TestApp, tenant: &Tenant, isolation: &str) -> Value {
    let begun = app.move_to(tenant, isolation).await.expect(202);
    let ended = app.ended(&id(&begun)).await;
    assert_eq!((&ended["status"], &ended["phase"], &ended["error"]), (&json!("done"), &json!("ended"), &Value::Null));
    ended
}

/// Fails unless this is where the tenant has its posts, and it has them nowhere else.
async fn lives_in(app: &TestApp, tenant: &Tenant, isolation: &str, posts: i64) {
    assert_eq!(app.shown(tenant).await.expect(200).json()["isolation"], isolation);
    for own in app.database.own_places() {
        assert_eq!(app.database.has_place(*own, &tenant.id).await, own.isolation() == isolation, "{own:?}");
    }
    assert_eq!(app.database.number(COUNT).await, if isolation == "shared" { posts } else { 0 });
    assert_eq!(app.database.number_everywhere(COUNT).await, posts);
}

/// Sends a write until it is not held any more.
async fn taken(write: impl Fn() -> Call) -> Answer {
    loop {
        let answer = write().send().await;
        if answer.status != 503 {
            return answer;
        }
        assert_eq!(answer.refused(503, "tenant_moving").header("retry-after"), Some("1"));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Makes posts and changes them until it is told to stop, and reads each at once. Gives them as they are at the end.
async fn work(app: Arc<TestApp>, token: String, stop: Arc<AtomicBool>) -> Vec<Row> {
    let mut posts = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let made = taken(|| app.post("/v1/posts").bearer(&token).json(&json!({"title": "New"}))).await.expect(201);
        let path = made.header("location").expect("where it is").to_owned();
        let changed = taken(|| app.patch(&path).bearer(&token).json(&json!({"title": "Changed"}))).await.expect(200);
        let read = app.get(&path).bearer(&token).send().await.expect(200);
        assert_eq!((read.json(), read.etag()), (changed.json(), changed.etag()));
        posts.push(Row { id: id(&read), etag: read.etag(), json: read.json() });
    }
    posts
}

both_databases! {
    async fn a_tenant_goes_from_place_to_place_with_all_it_has(database: TestDatabase) {
        let app = TestApp::with(database, &HASTY).await;
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        app.post_of(&acme, &ada.id, "First").await;
        let own = acme.token_of("member", &ada.id);
        let keyed = || app.post("/v1/posts").bearer(&own).header("Idempotency-Key", "k").json(&json!({"title": "Once"}));
        let first = keyed().send().await.expect(201);
        let before = app.rows_of(&acme).await;
        let mut was = "shared";
        for place in journey(&app) {
            let version = app.shown(&acme).await.etag();
            let begun = app.move_to(&acme, place).await.expect(202);
            let operation = begun.json();
            assert_eq!(begun.header("location"), Some(format!("/admin/v1/operations/{}", id(&begun)).as_str()));
            assert_eq!(
                (&operation["kind"], &operation["status"], &operation["tenant_id"], &operation["actor"]),
                (&json!("move"), &json!("running"), &json!(acme.id), &json!("operator"))
            );
            assert_eq!(
                (&operation["source"], &operation["target"]),
                (&json!({"isolation": was, "datastore": null}), &json!({"isolation": place, "datastore": null}))
            );
            let ended = app.ended(&id(&begun)).await;
            assert_eq!((&ended["status"], &ended["error"]), (&json!("done"), &Value::Null));
            is_time(&ended["ended_at"]);
            let progress = &ended["progress"];
            assert_eq!((&progress["rows"], &progress["compared"]), (&json!(4), &json!(4)), "{ended}");
            let tables = progress["tables"].as_array().expect("tables");
            for (table, rows) in [("users", 1), ("posts", 2), ("idempotency_keys", 1)] {
                let is_told = |told: &&Value| told["table"] == table && told["rows"] == rows;
                assert!(tables.iter().any(|told| is_told(&told)), "{table}: {tables:?}");
            }

            lives_in(&app, &acme, place, 2).await;
            assert_ne!(app.shown(&acme).await.etag(), version);
            assert_eq!(app.rows_of(&acme).await, before, "the same rows, in the same versions");
            assert_eq!(keyed().send().await.essence(), first.essence(), "what was done once is not done again");
            was = place;
        }
        app.post_of(&acme, &ada.id, "Last").await;
        let moves = ["tenant.move", "tenant.moved"].repeat(journey(&app).len());
        assert_eq!(app.audited(&acme).await, [&["tenant.create"][..], &moves[..]].concat());
    }

    async fn it_is_read_and_written_all_the_while(database: TestDatabase) {
        let app = Arc::new(TestApp::with(database, &HASTY).await);
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        let (ada, eve) = (app.user(&acme, "ada").await, app.user(&globex, "eve").await);
        let of_globex = app.post_of(&globex, &eve.id, "Stays").await;
        let (mut workers, stop) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
        for _ in 0..3 {
            workers.spawn(work(Arc::clone(&app), acme.token_of("member", &ada.id), Arc::clone(&stop)));
        }
        for place in journey(&app) {
            let ended = moved(&app, &acme, place).await;
            assert!(ended["progress"]["held_ms"].as_u64().expect("a number") < 5_000, "{ended}");
        }
        stop.store(true, Ordering::Relaxed);
        let acknowledged = workers.join_all().await.concat();
        let rows = app.database.number_everywhere(COUNT).await;
        assert_eq!(usize::try_from(rows), Ok(acknowledged.len() + 1), "each once, and one of the other tenant's");
        for post in acknowledged {
            let read = app.get(&format!("/v1/posts/{}", post.id)).bearer(&acme.token("viewer")).send().await.expect(200);
            assert_eq!((read.json(), read.etag()), (post.json, post.etag));
        }
        assert_eq!(app.rows_of(&globex).await, [eve, of_globex]);
    }

    async fn while_writes_are_held_reads_go_on(app: TestApp) {
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        let ada = app.user(&acme, "ada").await;
        let path = format!("/v1/users/{}", ada.id);
        app.database.execute("UPDATE tenants SET writes_held = true WHERE slug = 'acme'").await;
        for role in ["viewer", "member", "admin"] {
            let token = acme.token(role);
            app.get(&path).bearer(&token).send().await.expect(200);
            for write in [
                app.post("/v1/users").json(&json!({"name": "x"})),
                app.patch(&path).json(&json!({"name": "x"})),
                app.delete(&path),
            ] {
                let refused = write.bearer(&token).send().await.refused(503, "tenant_moving");
                assert_eq!(refused.header("retry-after"), Some("1"), "{role}");
            }
        }
        app.user(&globex, "eve").await;
        app.database.execute("UPDATE tenants SET writes_held = false").await;
        app.delete(&path).bearer(&acme.token("admin")).send().await.expect(204);
    }

    async fn a_move_that_is_asked_for_twice_is_one(app: TestApp) {
        // The old place is kept for half a minute, and as long is the move under way.
        let acme = app.tenant("acme").await;
        let begun = app.move_to(&acme, "database").await.expect(202);
        app.once(&id(&begun), |operation| operation["phase"] == "cleaning").await;
        assert_eq!(id(&app.move_to(&acme, "database").await.expect(202)), id(&begun));
        app.move_to(&acme, "shared").await.refused(409, "conflict");
        for action in ["suspend", "resume"] {
            app.act(&acme, action).await.expect(200);
        }
        assert_eq!(app.shown(&acme).await.json()["isolation"], "database");
        assert_eq!(app.audited(&acme).await, ["tenant.create", "tenant.move", "tenant.suspend", "tenant.resume"]);
    }

    async fn of_10_at_once_one_is_done(app: TestApp) {
        let acme = app.tenant("acme").await;
        let answers = futures_util::future::join_all((0..10).map(|_| app.move_to(&acme, "database"))).await;
        let mut ids: Vec<_> = answers.iter().filter(|answer| answer.status == 202).map(id).collect();
        ids.dedup();
        assert_eq!(ids.len(), 1, "{answers:?}");
        for refused in answers.into_iter().filter(|answer| answer.status != 202) {
            refused.refused(409, "conflict");
        }
        assert_eq!(app.audited(&acme).await, ["tenant.create", "tenant.move"]);
    }

    async fn what_cannot_be_moved_is_refused(app: TestApp) {
        let acme = app.tenant("acme").await;
        app.move_to(&acme, "shared").await.refused(409, "conflict");
        let nobody = Tenant { id: Uuid::now_v7().to_string(), slug: "nobody".to_owned() };
        app.move_to(&nobody, "database").await.refused(404, "tenant_not_found");
        let send = async |body: Value| {
            app.post("/admin/v1/tenants/acme/move").bearer(&tokens::platform()).json(&body).send().await
        };
        for (body, field) in [
            (json!({"isolation": "shared", "datastore": "east"}), "datastore"),
            (json!({"isolation": "database", "datastore": "a\0b"}), "datastore"),
            (json!({"isolation": "own"}), "isolation"),
            (json!({"isolation": null}), "isolation"),
            (json!({"isolation": "database", "tenant": "globex"}), "tenant"),
            (json!({}), "isolation"),
        ] {
            assert_eq!(send(body.clone()).await.wrong_fields(), [field], "{body}");
        }
        if let TestDatabase::Sqlite(_) = app.database {
            assert_eq!(send(json!({"isolation": "schema"})).await.wrong_fields(), ["isolation"]);
        }
        app.delete("/admin/v1/tenants/acme").bearer(&tokens::platform()).send().await.expect(204);
        app.move_to(&acme, "database").await.refused(409, "conflict");
        assert_eq!(app.audited(&acme).await, ["tenant.create", "tenant.delete"], "what is refused is not written down");
        assert_eq!(app.database.count_places().await, 0);
    }

    async fn an_operation_that_is_none_is_not_found(app: TestApp) {
        let get = async |id: &str| app.get(&format!("/admin/v1/operations/{id}")).bearer(&tokens::platform()).send().await;
        get(&Uuid::now_v7().to_string()).await.refused(404, "not_found");
        get("7").await.refused(400, "malformed");
    }

    async fn a_suspended_tenant_moves_and_stays_suspended(database: TestDatabase) {
        let app = TestApp::with(database, &HASTY).await;
        let acme = app.tenant("acme").await;
        app.user(&acme, "ada").await;
        app.act(&acme, "suspend").await.expect(200);
        moved(&app, &acme, "database").await;
        let users = || app.get("/v1/users").bearer(&acme.token("viewer")).send();
        users().await.refused(403, "tenant_suspended");
        app.act(&acme, "resume").await.expect(200);
        assert_eq!(users().await.expect(200).data().len(), 1);
    }

    async fn a_move_outlives_the_application(database: TestDatabase) {
        let mut app = TestApp::on(database).await;
        for (slug, phase) in [("at-once", None), ("in-its-new-place", Some("cleaning"))] {
            let tenant = app.tenant(slug).await;
            let ada = app.user(&tenant, "ada").await;
            app.post_of(&tenant, &ada.id, "Kept").await;
            let before = app.rows_of(&tenant).await;
            let begun = app.move_to(&tenant, "database").await.expect(202);
            if let Some(phase) = phase {
                app.once(&id(&begun), |operation| operation["phase"] == phase).await;
            }
            app = app.restarted(&HASTY).await;
            let ended = app.ended(&id(&begun)).await;
            assert_eq!((&ended["status"], &ended["error"]), (&json!("done"), &Value::Null), "{slug}");
            assert_eq!(app.rows_of(&tenant).await, before, "{slug}");
            assert_eq!(app.database.number(COUNT).await, 0, "{slug}: nothing is left where it was");
            assert_eq!(app.audited(&tenant).await, ["tenant.create", "tenant.move", "tenant.moved"]);
            app = app.restarted(&[]).await;
        }
    }
}

/// The owner of all tables who may not make databases.
#[tokio::test]
async fn a_move_that_cannot_be_done_leaves_the_tenant_where_it_is() {
    let database = TestDatabase::postgres().await;
    let TestDatabase::Postgres(postgres) = &database else { unreachable!("it was just made") };
    let role = format!("test_{}", Uuid::now_v7().simple());
    let owner = postgres.url(&role);
    database.execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'test' IN ROLE test_owner")).await;
    let app = TestApp::with(database, &[("DATABASE_OWNER_URL", owner.as_str()), HASTY[0]]).await;
    let acme = app.tenant("acme").await;
    let ada = app.user(&acme, "ada").await;
    let begun = app.move_to(&acme, "database").await.expect(202);
    let ended = app.ended(&id(&begun)).await;
    assert_eq!(ended["status"], "failed");
    assert!(ended["error"].as_str().is_some_and(|why| why.contains("CREATEDB")), "{ended}");
    app.post_of(&acme, &ada.id, "It writes on").await;
    lives_in(&app, &acme, "shared", 1).await;
    assert_eq!(app.audited(&acme).await, ["tenant.create", "tenant.move", "tenant.move_failed"]);
    // What stood in the way is gone: it can be tried again.
    app.database.execute(&format!("ALTER ROLE {role} CREATEDB")).await;
    moved(&app, &acme, "database").await;
    lives_in(&app, &acme, "database", 1).await;
}

/// Whoever reads a shared table for long, as an export or a dump does, is not waited for: everybody else would wait behind.
#[tokio::test]
async fn a_long_read_of_shared_tables_holds_nobody_up() {
    let app = TestApp::with(TestDatabase::postgres().await, &HASTY).await;
    let acme = app.tenant_in("acme", "schema").await;
    let globex = app.tenant("globex").await;
    let ada = app.user(&acme, "ada").await;
    app.post_of(&acme, &ada.id, "It comes along").await;
    let app = Arc::new(app);
    let reader = tokio::spawn({
        let app = Arc::clone(&app);
        async move { app.database.execute("BEGIN; SELECT * FROM posts, tenants; SELECT pg_sleep(20); COMMIT").await }
    });
    let reading = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    while app.database.number(reading).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    moved(&app, &acme, "shared").await;
    app.user(&globex, "grace").await;
    assert_eq!(app.database.number(reading).await, 1, "it reads on");
    reader.abort();
}

/// A tenant whose place was lost cannot be moved, and can still be purged.
#[tokio::test]
async fn a_tenant_without_a_place_is_not_moved_for_ever() {
    let app = TestApp::with(TestDatabase::postgres().await, &HASTY).await;
    for own in app.database.own_places() {
        let tenant = app.tenant_in(&format!("lost-{}", own.isolation()), own.isolation()).await;
        app.database.lose_place(*own, &tenant.id).await;
        let begun = app.move_to(&tenant, "shared").await.expect(202);
        let ended = app.ended(&id(&begun)).await;
        assert_eq!(ended["status"], "failed");
        assert_eq!(ended["error"], "the tenant's place is not there: it was to be moved from there");
        assert_eq!(app.audited(&tenant).await, ["tenant.create", "tenant.move", "tenant.move_failed"]);
        app.delete(&format!("/admin/v1/tenants/{}", tenant.slug)).bearer(&tokens::platform()).send().await.expect(204);
        app.act(&tenant, "purge").await.expect(200);
    }
}
