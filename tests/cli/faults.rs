//! Faults of what the service stands on, while clients write: what they are told, and that nothing acknowledged is lost or
//! doubled.

mod writers;

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{PostgresServer, TestDatabase};

use crate::support::{Request, Server, Shell, wait_for};
use writers::{Writers, nothing_is_lost};

/// Longest that a request of these tests may take by its setting.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

fn shell(database: &TestDatabase) -> Shell {
    Shell::on(database).with("REQUEST_TIMEOUT", "2s").with("RUST_LOG", "off,tenantry::startup=info")
}

/// A PostgreSQL of the test's own, a server on it, and clients that write.
struct Scene {
    // Dropped in this order.
    writers: Writers,
    server: Server,
    database: TestDatabase,
    postgres: PostgresServer,
}

impl Scene {
    async fn new() -> Self {
        let postgres = PostgresServer::start_new();
        let database = postgres.database().await;
        let server = Server::start(shell(&database));
        let writers = Writers::begin(&server, "acme");
        writers.until_acknowledged(50);
        Self { writers, server, database, postgres }
    }

    /// The fault is over: writes succeed again without a restart, and all that was acknowledged is there, once.
    async fn recovers(self, told: &[u16]) {
        let Self { writers, server, database, postgres } = self;
        writers.until_acknowledged(50);
        let (kept, statuses) = writers.end();
        assert!(statuses.iter().all(|status| told.contains(status)), "clients were told {statuses:?}");
        nothing_is_lost(&database, &kept).await;
        drop((server, database, postgres));
    }
}

fn pause(millis: u64) {
    let began = Instant::now();
    wait_for("a pause", || (began.elapsed() > Duration::from_millis(millis)).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_stopped_and_started() {
    let mut scene = Scene::new().await;
    for _ in 0..2 {
        scene.postgres.stop();
        scene.writers.until_refused();
        scene.server.send(Request::get("/readyz")).is(503);
        scene.postgres.start();
        scene.writers.until_acknowledged(20);
    }
    scene.recovers(&[201, 503, 504]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_crashes() {
    let mut scene = Scene::new().await;
    for _ in 0..2 {
        scene.postgres.crash();
        scene.writers.until_refused();
        scene.postgres.start();
        scene.writers.until_acknowledged(20);
    }
    scene.recovers(&[201, 503, 504]).await;
}

/// Its connections stay open and nothing answers. Nobody waits longer than for the timeout.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_frozen() {
    let scene = Scene::new().await;
    scene.postgres.freeze();
    scene.writers.until_refused();
    pause(5_000);
    scene.server.send(Request::get("/healthz")).is(200);
    scene.postgres.thaw();
    scene.recovers(&[201, 503, 504]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_postgres_are_cut() {
    let scene = Scene::new().await;
    for _ in 0..20 {
        let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename LIKE 'test\\_%'";
        scene.database.number(cut).await;
        pause(50);
    }
    scene.recovers(&[201, 503]).await;
}

async fn the_server_is_killed(database: TestDatabase) {
    let mut server = Server::start(shell(&database));
    let writers = Writers::begin(&server, "acme");
    for _ in 0..3 {
        writers.until_acknowledged(40);
        server.signal("-KILL");
        server.wait();
        server = Server::start(shell(&database));
        writers.go_on_with(&server);
    }
    writers.until_acknowledged(40);
    let (kept, statuses) = writers.end();
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
    nothing_is_lost(&database, &kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_killed_on_postgres() {
    the_server_is_killed(TestDatabase::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_killed_on_sqlite() {
    the_server_is_killed(TestDatabase::sqlite().await).await;
}

/// A file that may not grow any more stands for a disk that is full: to write into it fails.
#[tokio::test(flavor = "multi_thread")]
async fn the_disk_of_an_sqlite_file_is_full() {
    let database = TestDatabase::sqlite().await;
    let TestDatabase::Sqlite(file) = &database else { unreachable!("it was just made") };
    let blocks = std::fs::metadata(file.path()).expect("a file").len() / 1024 + 600;
    let server = Server::start_by(shell(&database), |command| {
        let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut shell = Command::new("/bin/bash");
        shell.args(["-c", &limited]).arg(command.get_program()).args(command.get_args()).env_clear();
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.current_dir(command.get_current_dir().expect("a directory"));
        shell
    });
    let admin = server.with_tenant("acme");
    let post = |number: u32| {
        let body = json!({"title": format!("Post {number}"), "content": "x".repeat(20_000)});
        server.send(Request::post("/v1/posts", &body).by(&admin))
    };
    let mut kept = 0;
    let refused = (0..500).map(post).find(|answer| {
        if answer.status == 201 {
            kept += 1;
            false
        } else {
            true
        }
    });
    refused.expect("the disk is full at last").refuses(503, "unavailable");
    assert!(kept > 0);
    // What is there can be read, and room that comes free can be used.
    let posts = server.send(Request::get("/v1/posts?page=1&limit=1").by(&admin)).is(200);
    assert_eq!(posts["total"], kept);
    server.send(Request::get("/healthz")).is(200);
}
