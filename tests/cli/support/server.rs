//! A server in a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::{Value, json};

use super::{Answer, PATIENCE, Request, Shell, wait_for};

/// `tenantry serve`, listening; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Log,
    shell: Shell,
}

type Log = Arc<Mutex<Vec<String>>>;

impl Server {
    /// Starts it and waits until it says where it listens.
    pub(crate) fn start(shell: Shell) -> Self {
        Self::start_by(shell, |command| command)
    }

    /// The same, by a command that ends up as the one given.
    pub(crate) fn start_by(shell: Shell, by: impl FnOnce(Command) -> Command) -> Self {
        let shell = shell.with("LOG_FORMAT", "json");
        let mut command = by(shell.command("serve"));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let (log, lines) = follow(child.stderr.take().expect("a pipe"));
        let address = bound_address(&lines).unwrap_or_else(|| {
            let _ = child.kill();
            panic!("the server did not start: {:?}", log.lock().unwrap());
        });
        Self { child, address, log, shell }
    }

    /// A signed token, by the command of that name: `token("--tenant acme --role admin")`.
    pub(crate) fn token(&self, args: &str) -> String {
        self.shell.prints(&format!("token {args}")).trim_end().to_owned()
    }

    pub(crate) fn send(&self, request: Request) -> Answer {
        request.send(self.address)
    }

    /// Makes a tenant with one user, and gives an admin's token in whose name posts can be written.
    pub(crate) fn with_tenant(&self, slug: &str) -> String {
        self.shell.prints(&format!("tenant create {slug}"));
        let admin = self.token(&format!("--tenant {slug} --role admin"));
        let ada = json!({"name": "Ada", "email": "ada@example.com"});
        let ada = self.send(Request::post("/v1/users", &ada).by(&admin)).is(201);
        self.token(&format!("--tenant {slug} --role admin --user {}", ada["id"].as_str().expect("an id")))
    }

    /// Waits until this many requests are being worked on, the one that asks not counted.
    pub(crate) fn wait_until_busy_with(&self, requests: usize) {
        let wanted = format!("\ntenantry_http_requests_in_flight {}\n", requests + 1);
        let busy = || self.send(Request::get("/metrics")).body.contains(&wanted).then_some(());
        wait_for("a server that is busy", busy);
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(kill.expect("kill runs").success());
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait_for("the end of the server", || self.child.try_wait().expect("a child"))
    }

    /// Its log so far; every line must be JSON.
    pub(crate) fn log(&self) -> Vec<Value> {
        let lines = self.log.lock().expect("nobody panics with it");
        lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps a log as it is written, and passes each line on.
fn follow(log: impl Read + Send + 'static) -> (Log, Receiver<String>) {
    let kept = Log::default();
    let (sender, lines) = channel();
    let keep = Arc::clone(&kept);
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            keep.lock().expect("nobody panics with it").push(line.clone());
            let _ = sender.send(line);
        }
    });
    (kept, lines)
}

fn bound_address(lines: &Receiver<String>) -> Option<SocketAddr> {
    let until = Instant::now() + PATIENCE;
    loop {
        let line = match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
        };
        let entry: Value = serde_json::from_str(&line).unwrap_or_default();
        if entry["message"] == "listening" {
            return entry["address"].as_str().and_then(|address| address.parse().ok());
        }
    }
}
