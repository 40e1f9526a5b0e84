//! The cache, with several servers and commands on one database.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{TestDatabase, TestRedis};

use crate::support::{Request, Server, Shell, wait_for};

/// Two servers on one database. In their settings they differ by nothing.
fn two(database: &TestDatabase, settings: &[(&str, &str)]) -> [Server; 2] {
    [(); 2].map(|()| {
        Server::start(settings.iter().fold(Shell::on(database), |shell, (name, value)| shell.with(name, value)))
    })
}

/// A number that a server shows.
fn metric(server: &Server, name: &str) -> f64 {
    let text = server.send(Request::get("/metrics")).body;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::parse);
    line.and_then(Result::ok).unwrap_or_else(|| panic!("{name} is not shown:\n{text}"))
}

const HITS: &str = r#"tenantry_cache_lookups_total{kind="rows",outcome="hit"}"#;

fn usable(servers: &[Server]) {
    for server in servers {
        wait_for("a cache in use", || (metric(server, "tenantry_cache_usable") == 1.0).then_some(()));
    }
}

fn new_post(server: &Server, token: &str) -> String {
    let post = server.send(Request::post("/v1/posts", &json!({"title": "new"})).by(token)).is(201);
    format!("/v1/posts/{}", post["id"].as_str().expect("an id"))
}

fn retitled(server: &Server, path: &str, title: &str, token: &str) -> Value {
    server.send(Request::patch(path, &json!({"title": title})).by(token)).is(200)
}

#[tokio::test]
async fn servers_that_share_a_redis_are_never_behind() {
    let (database, redis) = (TestDatabase::postgres().await, TestRedis::start());
    let shell = Shell::on(&database).with("REDIS_URL", &redis.url());
    let servers = two(&database, &[("REDIS_URL", &redis.url())]);
    usable(&servers);
    let admin = servers[0].with_tenant("acme");
    let path = new_post(&servers[0], &admin);
    for round in 0..20 {
        let title = format!("round {round}");
        retitled(&servers[round % 2], &path, &title, &admin);
        for server in &servers {
            assert_eq!(server.send(Request::get(&path).by(&admin)).is(200)["title"], title);
        }
    }
    let before = metric(&servers[0], HITS) + metric(&servers[1], HITS);
    for server in &servers {
        server.send(Request::get(&path).by(&admin)).is(200);
    }
    assert!(metric(&servers[0], HITS) + metric(&servers[1], HITS) > before, "nothing came out of the cache");
    for _ in 0..3 {
        shell.prints("tenant suspend acme");
        servers.iter().for_each(|server| drop(server.send(Request::get(&path).by(&admin)).is(403)));
        shell.prints("tenant resume acme");
        servers.iter().for_each(|server| drop(server.send(Request::get(&path).by(&admin)).is(200)));
    }
    shell.prints("tenant delete acme");
    servers.iter().for_each(|server| drop(server.send(Request::get(&path).by(&admin)).is(404)));
    shell.prints("tenant purge acme");
    servers.iter().for_each(|server| drop(server.send(Request::get(&path).by(&admin)).is(404)));
}

#[tokio::test]
async fn servers_without_redis_are_behind_for_no_longer_than_the_setting_says() {
    let database = TestDatabase::postgres().await;
    let servers = two(&database, &[("TENANT_CACHE_TTL", "500ms")]);
    let admin = servers[0].with_tenant("acme");
    let path = new_post(&servers[0], &admin);
    servers[1].send(Request::get(&path).by(&admin)).is(200);
    retitled(&servers[0], &path, "other", &admin);
    let changed = Instant::now();
    while servers[1].send(Request::get(&path).by(&admin)).is(200)["title"] != "other" {
        assert!(changed.elapsed() < Duration::from_millis(900));
    }
    // A command is done when what it did holds everywhere.
    let shell = Shell::on(&database).with("TENANT_CACHE_TTL", "500ms");
    for _ in 0..3 {
        shell.prints("tenant suspend acme");
        servers.iter().for_each(|server| drop(server.send(Request::get(&path).by(&admin)).is(403)));
        shell.prints("tenant resume acme");
        servers.iter().for_each(|server| drop(server.send(Request::get(&path).by(&admin)).is(200)));
    }
}

#[tokio::test]
async fn without_redis_requests_are_answered_and_the_doctor_says_so() {
    let (database, mut redis) = (TestDatabase::postgres().await, TestRedis::start());
    let shell = Shell::on(&database).with("REDIS_URL", &redis.url());
    shell.prints("doctor");
    let servers = two(&database, &[("REDIS_URL", &redis.url())]);
    usable(&servers);
    let admin = servers[0].with_tenant("acme");
    let path = new_post(&servers[0], &admin);
    servers[1].send(Request::get(&path).by(&admin)).is(200);
    redis.kill();
    for round in 0..10 {
        let title = format!("round {round}");
        retitled(&servers[round % 2], &path, &title, &admin);
        for server in &servers {
            assert_eq!(server.send(Request::get(&path).by(&admin)).is(200)["title"], title);
        }
    }
    let said = shell.run("doctor").exited(1).out();
    assert!(said.contains("FAILED cache: Redis cannot be used at REDIS_URL"), "{said}");
    redis.start_again();
    usable(&servers);
    assert_eq!(servers[1].send(Request::get(&path).by(&admin)).is(200)["title"], "round 9");
}
