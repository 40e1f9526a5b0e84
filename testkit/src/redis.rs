//! A Redis server of a test's own, which can be killed, frozen and started again.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longer than it takes to start, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a free port of the loopback, with a directory for its snapshot; killed when dropped.
pub struct TestRedis {
    directory: TempDir,
    port: u16,
    server: Option<Child>,
}

impl TestRedis {
    /// Starts one. Fails where `redis-server` is not installed.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let mut redis = Self { directory: TempDir::new().expect("a temporary directory"), port, server: None };
        redis.start_again();
        redis
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it where it was, with the rows of its last snapshot.
    pub fn start_again(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(self.directory.path()).stdout(Stdio::null()).stderr(Stdio::null());
        self.server = Some(command.spawn().expect("redis-server is installed: run the tests through scripts/test"));
        let began = Instant::now();
        while self.try_say("PING").as_deref() != Some("+PONG") {
            assert!(began.elapsed() < PATIENCE, "redis-server does not start");
        }
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("it runs");
            server.wait().expect("it ends");
        }
    }

    /// Lets it do nothing, and keep its connections.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Writes a snapshot.
    pub fn save(&self) {
        self.tell("SAVE");
    }

    /// Has it do something that it only says yes to.
    pub fn tell(&self, command: &str) {
        assert_eq!(self.try_say(command).as_deref(), Some("+OK"), "{command}");
    }

    /// Becomes a replica of another one, and has what that one has when this returns.
    pub fn follow(&self, primary: &Self) {
        self.tell(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
        primary.tell("SET followed yes");
        let began = Instant::now();
        while self.try_say("EXISTS followed").as_deref() != Some(":1") {
            assert!(began.elapsed() < PATIENCE, "the replica does not get what was written");
        }
    }

    /// Is nobody's replica any more.
    pub fn take_over(&self) {
        self.tell("REPLICAOF NO ONE");
    }

    /// The first line of its answer to a command.
    fn try_say(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned())
    }

    fn signal(&self, signal: &str) {
        let server = self.server.as_ref().expect("it runs");
        let sent = Command::new("kill").args([signal, &server.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        // SIGKILL ends a frozen one, too.
        self.kill();
    }
}
