//! SIGTERM: what was taken is finished, nothing new is taken, and then the process ends well.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::TestDatabase;
use tokio::task::JoinHandle;

use crate::support::{Request, Sending, Server, Shell, lock_users, on_both_databases, wait_for};

on_both_databases!(a_body_on_its_way_is_waited_for_and_answered);

/// Waits until nobody listens there any more.
fn wait_until_closed(server: &Server) {
    wait_for("a closed door", || TcpStream::connect(server.address).is_err().then_some(()));
}

async fn a_body_on_its_way_is_waited_for_and_answered(database: TestDatabase) {
    let mut server = Server::start(Shell::on(&database));
    let admin = server.with_tenant("acme");
    let slow = Request::post("/v1/posts", &json!({"title": "Taken before the end"})).by(&admin);
    let slow = slow.begin(server.address, 5);
    server.wait_until_busy_with(1);

    server.terminate();
    wait_until_closed(&server);
    let answer = slow.finish();
    assert_eq!(answer.is(201)["title"], "Taken before the end");
    assert_eq!(server.wait().code(), Some(0));
    assert_eq!(database.number("SELECT count(*) FROM posts").await, 1);
    let messages: Vec<_> = server.log().into_iter().map(|line| line["message"].clone()).collect();
    assert!(messages.contains(&json!("stopping: finishing the requests that were taken")), "{messages:?}");
    assert_eq!(messages.last(), Some(&json!("stopped")));
}

/// Servers, each with a change that waits for a lock that is held for this long.
///
/// Each has one worker that ends at once, having nothing to do, and one whose request needs a connection that either of them may
/// drive. Several servers, because which one does is a matter of luck.
struct Waiting {
    servers: Vec<Server>,
    changes: Vec<Sending>,
    lock: JoinHandle<()>,
}

impl Waiting {
    async fn start(database: &Arc<TestDatabase>, lock: u32, grace: &str) -> Self {
        let shell = || Shell::on(database).with("SHUTDOWN_GRACE", grace);
        let first = Server::start(shell());
        let admin = first.with_tenant("acme");
        let mut servers = vec![first];
        servers.extend((0..5).map(|_| Server::start(shell())));
        for server in &servers {
            // At once, so that every worker opens connections.
            let reads = [(); 12].map(|()| Request::get("/v1/users").by(&admin).begin(server.address, usize::MAX));
            reads.into_iter().for_each(|read| drop(read.wait().is(200)));
        }
        let user = servers[0].send(Request::get("/v1/users").by(&admin)).is(200)["data"][0]["id"].clone();
        let path = format!("/v1/users/{}", user.as_str().unwrap());
        let lock = lock_users(database, lock).await;
        let change = || Request::patch(&path, &json!({"name": "Ada King"})).by(&admin);
        let changes = servers.iter().map(|server| change().begin(server.address, usize::MAX)).collect();
        servers.iter().for_each(|server| server.wait_until_busy_with(1));
        servers.iter().for_each(Server::terminate);
        Self { servers, changes, lock }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_for_a_lock_is_answered() {
    let database = Arc::new(TestDatabase::postgres().await);
    let Waiting { mut servers, changes, lock } = Waiting::start(&database, 2, "20s").await;
    for (answer, server) in changes.into_iter().zip(&mut servers) {
        assert_eq!(answer.wait().is(200)["name"], "Ada King");
        assert_eq!(server.wait().code(), Some(0));
    }
    lock.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_for_a_lock_does_not_hold_it_for_longer_than_the_grace() {
    let database = Arc::new(TestDatabase::postgres().await);
    let asked = Instant::now();
    let Waiting { mut servers, changes: _changes, lock } = Waiting::start(&database, 10, "1s").await;
    servers.iter_mut().for_each(|server| assert_eq!(server.wait().code(), Some(0)));
    assert!(!lock.is_finished(), "{:?}", asked.elapsed());
    lock.await.unwrap();
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_it_for_longer_than_the_grace() {
    let database = TestDatabase::sqlite().await;
    let mut server = Server::start(Shell::on(&database).with("SHUTDOWN_GRACE", "1s"));
    let admin = server.with_tenant("acme");
    let _stuck = Request::post("/v1/posts", &json!({"title": "Never whole"})).by(&admin).begin(server.address, 5);
    server.wait_until_busy_with(1);
    let asked = Instant::now();
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    let took = asked.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn connections_that_are_only_kept_open_hold_nothing() {
    let database = TestDatabase::sqlite().await;
    let mut server = Server::start(Shell::on(&database));
    let silent = TcpStream::connect(server.address).unwrap();
    let mut kept = TcpStream::connect(server.address).unwrap();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(kept.read(&mut [0; 4096]).unwrap() > 0);
    let asked = Instant::now();
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    drop((silent, kept));
}

#[tokio::test]
async fn ctrl_c_is_as_good() {
    let database = TestDatabase::sqlite().await;
    let mut server = Server::start(Shell::on(&database));
    let admin = server.with_tenant("acme");
    let slow = Request::post("/v1/posts", &json!({"title": "Taken"})).by(&admin).begin(server.address, 5);
    server.wait_until_busy_with(1);
    server.signal("-INT");
    wait_until_closed(&server);
    slow.finish().is(201);
    assert_eq!(server.wait().code(), Some(0));
}
