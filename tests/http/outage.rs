//! The database goes away while the application runs, and comes back.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::TestDatabase;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::expect::{at_once, count};
use crate::support::{Tenant, TestApp};

/// The cable between the application and the database server.
struct Cable {
    here: SocketAddr,
    server: String,
    traffic: Option<JoinHandle<()>>,
}

impl Cable {
    async fn plugged_into(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let here = listener.local_addr().expect("an address");
        let mut cable = Self { here, server: server.to_owned(), traffic: None };
        cable.carry(listener);
        cable
    }

    /// Ends every connection; new ones are refused.
    async fn pull(&mut self) {
        if let Some(traffic) = self.traffic.take() {
            traffic.abort();
            let _ = traffic.await;
        }
    }

    /// Connections can be made again.
    async fn plug_in(&mut self) {
        let listener = TcpListener::bind(self.here).await.expect("the port is free again");
        self.carry(listener);
    }

    /// Connections can be made, and nobody ever answers.
    async fn plug_into_nothing(&mut self) {
        self.pull().await;
        self.server = String::new();
        self.plug_in().await;
    }

    fn carry(&mut self, listener: TcpListener) {
        let server = self.server.clone();
        self.traffic = Some(tokio::spawn(async move {
            // Dropped with the task, and the connections with it.
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let server = server.clone();
                connections.spawn(async move {
                    if server.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    let mut far = TcpStream::connect(server).await.expect("the server listens");
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                });
            }
        }));
    }
}

/// An application that reaches its database by a cable.
async fn cabled() -> (TestApp, Tenant, Cable) {
    let database = TestDatabase::postgres().await;
    let TestDatabase::Postgres(postgres) = &database else { unreachable!("it was just made") };
    let url = postgres.url("test_serving");
    let server = url.split(['@', '/']).find(|part| part.contains("127.0.0.1:")).expect("host and port").to_owned();
    let cable = Cable::plugged_into(&server).await;
    let by_cable = |role: &str| postgres.url(role).replace(&server, &cable.here.to_string());
    let (serving, platform) = (by_cable("test_serving"), by_cable("test_platform"));
    let settings = [("DATABASE_URL", serving.as_str()), ("DATABASE_PLATFORM_URL", platform.as_str())];
    let app = TestApp::with(database, &settings).await;
    let acme = app.tenant("acme").await;
    (app, acme, cable)
}

async fn ready(app: &TestApp) -> (u16, Value) {
    let answer = app.get("/readyz").send().await;
    (answer.status, answer.json())
}

fn readiness(status: &str) -> Value {
    json!({"status": status, "dependencies": [{"name": "database", "status": status}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_database_requests_are_asked_to_come_back_and_then_served() {
    let (app, acme, mut cable) = cabled().await;
    let read = || app.get("/v1/users").bearer(&acme.token("viewer"));
    // Several connections are open, so several are dead afterwards.
    assert_eq!(count(&at_once((0..10).map(|_| read())).await, 200), 10);
    assert_eq!(ready(&app).await, (200, readiness("ok")));

    cable.pull().await;
    for _ in 0..3 {
        let refused = read().send().await.refused(503, "unavailable");
        assert!(refused.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    }
    let draft = json!({"slug": "globex", "name": "Globex"});
    let create = app.post("/admin/v1/tenants").bearer(&crate::support::tokens::platform()).json(&draft);
    create.send().await.refused(503, "unavailable");
    assert_eq!(ready(&app).await, (503, readiness("unavailable")));
    app.get("/healthz").send().await.expect(200);
    app.get("/metrics").send().await.expect(200);
    app.get("/v1/users").send().await.refused(401, "unauthenticated");

    cable.plug_in().await;
    assert_eq!(count(&at_once((0..10).map(|_| read())).await, 200), 10);
    assert_eq!(ready(&app).await, (200, readiness("ok")));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_died_unnoticed_cost_no_request() {
    let (app, acme, mut cable) = cabled().await;
    let read = || app.get("/v1/users").bearer(&acme.token("viewer"));
    assert_eq!(count(&at_once((0..10).map(|_| read())).await, 200), 10);
    cable.pull().await;
    cable.plug_in().await;
    for _ in 0..5 {
        read().send().await.expect(200);
    }
    let write = app.post("/v1/users").bearer(&acme.token("admin"));
    write.json(&json!({"name": "Ada", "email": "ada@example.com"})).send().await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_answer_is_not_ready_within_two_seconds() {
    let (app, _acme, mut cable) = cabled().await;
    cable.plug_into_nothing().await;
    let asked = Instant::now();
    assert_eq!(ready(&app).await, (503, readiness("unavailable")));
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    app.get("/healthz").send().await.expect(200);
}
