//! The application under test, on a thread of its own.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;

use actix_web::rt::System;
use reqwest::{Client, Method, redirect};
use tenantry::config::Config;
use tenantry::startup::Application;
use testkit::TestDatabase;
use tokio::sync::oneshot;

use super::client::Call;
use super::housing::{Housing, Turns};
use super::tokens;

/// A running application. It is stopped gracefully, and its database dropped, when this is dropped.
pub(crate) struct TestApp {
    server: Server,
    client: Client,
    /// For what only a superuser may do.
    pub(crate) database: TestDatabase,
    turns: Turns,
}

impl TestApp {
    /// Starts it on the database with the usual settings.
    pub(crate) async fn on(housing: impl Into<Housing>) -> Self {
        Self::with(housing, &[]).await
    }

    /// Starts it with settings of the test's own, which win over the usual ones.
    pub(crate) async fn with(housing: impl Into<Housing>, settings: &[(&str, &str)]) -> Self {
        let Housing { database, places } = housing.into();
        let server = Server::start(config(&database, settings));
        Self { server, client: client(), database, turns: Turns::new(places) }
    }

    /// The same, and each statement that it sends to a database is shown to the observer.
    pub(crate) async fn observed(
        database: TestDatabase,
        settings: &[(&str, &str)],
        observer: entity::Observer,
    ) -> Self {
        let Housing { database, places } = database.into();
        let mut config = config(&database, settings);
        config.database = config.database.observed_by(observer);
        Self { server: Server::start(config), client: client(), database, turns: Turns::new(places) }
    }

    /// The same database, served with other settings.
    pub(crate) async fn restarted(self, settings: &[(&str, &str)]) -> Self {
        let Self { server, database, turns, .. } = self;
        drop(server);
        Self::with(Housing { database, places: turns.places }, settings).await
    }

    /// Another process on the same database, which has to end before this one.
    pub(crate) fn second(&self, settings: &[(&str, &str)]) -> Second {
        Second { server: Server::start(config(&self.database, settings)), client: self.client.clone() }
    }

    /// Where the next tenant of this test lives, unless the test says where.
    pub(super) fn next_place(&self) -> &'static str {
        self.turns.next()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Begins a request; the path may carry a query.
    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        Call::new(self.client.request(method, format!("http://{}{path}", self.address())))
    }

    /// Begins a GET.
    pub(crate) fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// Begins a POST.
    pub(crate) fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    /// Begins a PATCH.
    pub(crate) fn patch(&self, path: &str) -> Call {
        self.call(Method::PATCH, path)
    }

    /// Begins a DELETE.
    pub(crate) fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }
}

/// A further process on the database of a [`TestApp`].
pub(crate) struct Second {
    server: Server,
    client: Client,
}

impl Second {
    /// Begins a GET.
    pub(crate) fn get(&self, path: &str) -> Call {
        Call::new(self.client.get(format!("http://{}{path}", self.server.address)))
    }
}

fn client() -> Client {
    Client::builder().no_proxy().redirect(redirect::Policy::none()).build().expect("a client")
}

/// The usual settings: a few connections only, because many tests run at once.
fn config(database: &TestDatabase, settings: &[(&str, &str)]) -> Config {
    let usual = [
        ("BIND_ADDR", "127.0.0.1:0"),
        ("JWT_SECRET", tokens::SECRET),
        ("CONNECTION_BUDGET", "8"),
        ("POOL_MIN", "1"),
        ("POOL_MAX", "4"),
        // Some tests write into the catalog past the service.
        ("TENANT_CACHE_TTL", "1ms"),
    ];
    let variables = database.variables();
    let lookup = |name: &str| {
        let own = settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let usual = || usual.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let of_database = || variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        own.or_else(usual).or_else(of_database)
    };
    Config::from_lookup(&lookup).expect("the test's settings are valid")
}

struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(config: Config) -> Self {
        let (started, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            System::new().block_on(async move {
                let (database, gatekeeper) = entity::open(&config.database).await.expect("the database opens");
                let application = Application::build(config, database, gatekeeper).await.expect("it starts");
                let (address, handle) = (application.address(), application.handle());
                let running = actix_web::rt::spawn(application.run());
                started.send(address).expect("the test is waiting");
                // Also when the sender is dropped.
                let _ = stopped.await;
                handle.stop();
                // It writes down what tenants used.
                let _ = running.await;
            });
        });
        let address = address.recv().expect("the application starts");
        Self { address, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        let stopped = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(matches!(stopped, Some(Ok(()))), "the application stops without a panic");
        }
    }
}
