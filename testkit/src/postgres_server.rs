//! A PostgreSQL server of a test's own, to be stopped, killed and frozen.
//!
//! Its programs are where `TENANTRY_TEST_POSTGRES_BIN` says (`scripts/with-servers` sets it). It refuses to run as root, so root
//! gives it to an account that owns nothing else. What it has acknowledged it has written to its log, as in earnest.

use std::env;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::TestDatabase;
use crate::postgres::PostgresDatabase;

/// Longer than it ever takes to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that runs, unless it was stopped. Gone with this.
pub struct PostgresServer {
    directory: TempDir,
    port: u16,
    postmaster: Option<Child>,
}

impl PostgresServer {
    /// A new one, running.
    pub fn start_new() -> Self {
        let directory = tempfile::Builder::new().prefix("tenantry-postgres").tempdir_in("/tmp").expect("a directory");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let mut server = Self { directory, port: free.port(), postmaster: None };
        if let Some(user) = unprivileged() {
            let given = Command::new("chown").arg(user).arg(server.directory.path()).status();
            assert!(given.is_ok_and(|status| status.success()), "the directory is given away");
        }
        let mut initdb = server.program("initdb");
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"]);
        let made = initdb.arg(server.data()).output().expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        server.start();
        server
    }

    /// A migrated database on it.
    pub async fn database(&self) -> TestDatabase {
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", self.port);
        TestDatabase::Postgres(Box::new(PostgresDatabase::create_at(&url).await))
    }

    /// Starts it again, and waits until it answers.
    pub fn start(&mut self) {
        let log = File::create(self.directory.path().join("log")).expect("a log");
        let _ = fs::remove_file(self.data().join("postmaster.pid"));
        let mut command = self.program("postgres");
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.args(["-c", "fsync=off", "-c", "max_connections=200", "-c", "unix_socket_directories="]);
        self.postmaster = Some(command.stdout(Stdio::null()).stderr(log).spawn().expect("postgres runs"));
        let ready =
            || fs::read_to_string(self.data().join("postmaster.pid")).is_ok_and(|text| text.contains("\nready"));
        wait(ready, "it starts");
    }

    /// Ends every session and stops, in order.
    pub fn stop(&mut self) {
        self.end("-INT");
    }

    /// Stops without a word, as after a fault: what was acknowledged must be there when it starts again.
    pub fn crash(&mut self) {
        self.end("-QUIT");
    }

    /// Lets it and all its processes do nothing, with every connection open.
    pub fn freeze(&self) {
        self.signal_all("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal_all("-CONT");
    }

    fn end(&mut self, signal: &str) {
        let Some(mut postmaster) = self.postmaster.take() else { return };
        kill(signal, &postmaster.id().to_string());
        wait(|| postmaster.try_wait().is_ok_and(|status| status.is_some()), "it stops");
    }

    fn signal_all(&self, signal: &str) {
        let Some(postmaster) = &self.postmaster else { return };
        let id = postmaster.id().to_string();
        kill(signal, &id);
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("its processes");
        children.split_whitespace().for_each(|child| kill(signal, child));
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let bin = env::var("TENANTRY_TEST_POSTGRES_BIN")
            .expect("TENANTRY_TEST_POSTGRES_BIN is not set: run the tests through scripts/test");
        let program = PathBuf::from(bin).join(name);
        let Some(user) = unprivileged() else { return Command::new(program) };
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={user}"), "--clear-groups", "--"]).arg(program);
        command.current_dir(self.directory.path());
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.thaw();
        self.crash();
    }
}

/// The account for root to use; none for anybody else.
fn unprivileged() -> Option<&'static str> {
    let is = |args: &[&str]| Command::new("id").args(args).output().ok().filter(|out| out.status.success());
    let is_root = is(&["-u"]).is_some_and(|out| out.stdout.trim_ascii() == b"0");
    is_root.then(|| if is(&["postgres"]).is_some() { "postgres" } else { "nobody" })
}

fn kill(signal: &str, process: &str) {
    // A process of many may have ended by itself.
    let _ = Command::new("kill").args([signal, process]).stderr(Stdio::null()).status();
}

fn wait(mut is_so: impl FnMut() -> bool, what: &str) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
