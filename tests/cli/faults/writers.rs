//! Clients that write all the time, each post once: they repeat a request with its key until it is acknowledged.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::TestDatabase;

use super::REQUEST_TIMEOUT;
use crate::support::{Request, Server, wait_for};

const CLIENTS: usize = 6;

/// How much longer than its timeout a request may seem to take on a busy machine.
const SLACK: Duration = Duration::from_secs(3);

#[derive(Default)]
struct State {
    address: Option<SocketAddr>,
    ends: bool,
    /// Titles of the posts that were acknowledged.
    kept: Vec<String>,
    statuses: BTreeSet<u16>,
    refused: u64,
}

pub(super) struct Writers {
    state: Arc<Mutex<State>>,
    clients: Vec<JoinHandle<()>>,
}

impl Writers {
    /// Begins to write as members of a new tenant.
    pub(super) fn begin(server: &Server, slug: &str) -> Self {
        let token = server.with_tenant(slug);
        let state = Arc::new(Mutex::new(State { address: Some(server.address), ..State::default() }));
        let client = |client| {
            let (state, token) = (Arc::clone(&state), token.clone());
            std::thread::spawn(move || write(&state, &token, client))
        };
        let clients = (0..CLIENTS).map(client).collect();
        Self { state, clients }
    }

    /// The server is another one now.
    pub(super) fn go_on_with(&self, server: &Server) {
        self.state().address = Some(server.address);
    }

    /// Waits for so many more acknowledged writes.
    pub(super) fn until_acknowledged(&self, more: usize) {
        let due = self.state().kept.len() + more;
        wait_for("acknowledged writes", || (self.state().kept.len() >= due).then_some(()));
    }

    /// Waits until a write is refused or not answered from now on.
    pub(super) fn until_refused(&self) {
        let before = self.state().refused;
        wait_for("a refused write", || (self.state().refused > before).then_some(()));
    }

    /// Stops; answers with the titles that were acknowledged, and every status that there was.
    pub(super) fn end(mut self) -> (Vec<String>, BTreeSet<u16>) {
        self.stop();
        let mut state = self.state();
        (std::mem::take(&mut state.kept), std::mem::take(&mut state.statuses))
    }

    fn stop(&mut self) {
        self.state().ends = true;
        for client in self.clients.drain(..) {
            client.join().expect("a client that did not panic");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.state().ends = true;
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// One post after the other; each until it is acknowledged.
fn write(state: &Mutex<State>, token: &str, client: usize) {
    for number in 0.. {
        let title = format!("{client}-{number}");
        while !acknowledged(state, token, &title) {
            if locked(state).ends {
                return;
            }
        }
        let mut state = locked(state);
        state.kept.push(title);
        if state.ends {
            return;
        }
    }
}

fn acknowledged(state: &Mutex<State>, token: &str, title: &str) -> bool {
    let Some(address) = locked(state).address else { return false };
    let asked = Instant::now();
    let request = Request::post("/v1/posts", &json!({ "title": title })).by(token).with("Idempotency-Key", title);
    let answer = request.try_send(address);
    assert!(asked.elapsed() < REQUEST_TIMEOUT + SLACK, "{title} took {:?}", asked.elapsed());
    let mut state = locked(state);
    let Some(answer) = answer else {
        state.refused += 1;
        drop(state);
        // Nobody listens: a client would not try again at once.
        std::thread::park_timeout(Duration::from_millis(20));
        return false;
    };
    state.statuses.insert(answer.status);
    state.refused += u64::from(answer.status != 201);
    answer.status == 201
}

/// Every acknowledged post is there once, and none is there twice.
pub(super) async fn nothing_is_lost(database: &TestDatabase, kept: &[String]) {
    let titles = kept.iter().map(|title| format!("'{title}'")).collect::<Vec<_>>().join(", ");
    let there = format!("SELECT count(*) FROM posts WHERE title IN ({titles})");
    assert_eq!(usize::try_from(database.number(&there).await).expect("a count"), kept.len());
    let twice = "SELECT count(*) FROM (SELECT title FROM posts GROUP BY title HAVING count(*) > 1) AS twice";
    assert_eq!(database.number(twice).await, 0);
}
