//! Tenants with a place of their own, and on other servers: made from a shell, served by a server.

use serde_json::{Value, json};
use testkit::{Own, TestDatabase};

use crate::support::{Request, Server, Shell, emptied, on_both_databases};

on_both_databases! {
    a_tenant_is_made_with_a_place_of_its_own,
}

async fn a_tenant_is_made_with_a_place_of_its_own(database: TestDatabase) {
    let shell = Shell::on(&database);
    for own in database.own_places() {
        let isolation = own.isolation();
        let made = shell.prints_json(&format!("tenant create in-{isolation} --isolation {isolation} --json"));
        assert_eq!((&made["status"], &made["isolation"]), (&json!("active"), &json!(isolation)));
        let id = made["id"].as_str().expect("an id");
        assert!(database.has_place(*own, id).await);
        assert!(shell.prints(&format!("tenant show in-{isolation}")).contains(isolation));
        let listed = shell.prints_json(&format!("tenant list --json --isolation {isolation}"));
        assert_eq!(listed, json!([made]));

        shell.prints(&format!("tenant delete in-{isolation}"));
        assert!(database.has_place(*own, id).await, "nothing is destroyed");
    }
    shell.prints("doctor");
}

/// Two databases of one server, as home and as the server `east`.
struct Abroad {
    home: TestDatabase,
    east: TestDatabase,
    shell: Shell,
}

impl Abroad {
    async fn new() -> Self {
        let (home, east) = (TestDatabase::postgres().await, TestDatabase::postgres().await);
        emptied(&east).await;
        let TestDatabase::Postgres(there) = &east else { unreachable!("it was asked for") };
        let shell = Shell::on(&home).with("DATASTORES", &format!("east={}", there.url("test_owner")));
        Self { home, east, shell }
    }

    /// How many users the tenant has where it is placed, on the server `east`.
    async fn users(&self, own: Option<Own>, tenant: &Value) -> i64 {
        let id = tenant["id"].as_str().expect("an id");
        match own {
            Some(own) => self.east.number_in(own, id, "SELECT count(*) FROM users").await,
            None => self.east.number("SELECT count(*) FROM users").await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_are_placed_on_other_servers_and_served_from_there() {
    let abroad = Abroad::new().await;
    let applied = abroad.shell.prints("migrate");
    assert!(applied.lines().count() >= 3, "{applied}");
    assert!(applied.lines().all(|line| line.starts_with("applied tenant ") && line.ends_with(" on east")), "{applied}");
    let again = abroad.shell.prints("migrate");
    assert_eq!(again, "nothing to do: the tables are of the newest version\n");

    let server = Server::start(Shell::on(&abroad.home).with("DATASTORES", abroad.shell.variable("DATASTORES")));
    for (isolation, own) in [("shared", None), ("schema", Some(Own::Schema)), ("database", Some(Own::Database))] {
        let slug = format!("in-{isolation}");
        let line = format!("tenant create {slug} --isolation {isolation} --datastore east --json");
        let made = abroad.shell.prints_json(&line);
        assert_eq!((&made["status"], &made["datastore"]), (&json!("active"), &json!("east")));
        let admin = server.token(&format!("--tenant {slug} --role admin"));
        let ada = json!({"name": "Ada", "email": "ada@example.com"});
        server.send(Request::post("/v1/users", &ada).by(&admin)).is(201);
        let found = server.send(Request::get("/v1/users").by(&admin)).is(200);
        assert_eq!(found["data"].as_array().expect("a list").len(), 1);
        assert_eq!(abroad.users(own, &made).await, 1, "{slug}");
        assert_eq!(abroad.home.number("SELECT count(*) FROM users").await, 0, "nothing is at home");
    }
    let refused = abroad.shell.fails("tenant create acme --datastore west");
    assert_eq!(refused, "tenantry: datastore must be a server of DATASTORES: east");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_costs_its_own_tenants_only() {
    let abroad = Abroad::new().await;
    abroad.shell.prints("migrate");
    abroad.shell.prints("tenant create abroad --isolation schema --datastore east");
    abroad.shell.prints("tenant create at-home");
    let away = Shell::on(&abroad.home).with("DATASTORES", "east=postgres://test_owner:hunter2@127.0.0.1:1/east");
    let reason = away.fails("tenant create later --isolation schema --datastore east");
    assert!(reason.contains("the database is unavailable") && !reason.contains("hunter2"), "{reason}");

    let server = Server::start(away);
    let read = |slug: &str| {
        let token = server.token(&format!("--tenant {slug} --role viewer"));
        server.send(Request::get("/v1/users").by(&token))
    };
    read("abroad").refuses(503, "unavailable");
    read("at-home").is(200);

    // What could not be finished is gone on with.
    let made = abroad.shell.prints_json("tenant create later --isolation schema --datastore east --json");
    assert_eq!(made["status"], "active");
}
