//! Threads drive their own connections, take them first, and may end once all others have come home.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use sea_orm::Statement;
use testkit::TestDatabase;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::open_unchecked;
use crate::Error;
use crate::connection::{Access, Binding, Lease};
use crate::database::Database;
use crate::error::Keys;
use crate::place::Place;

/// A thread as a web server's workers are: it has a runtime of its own, and drives connections.
struct Worker {
    runtime: Handle,
    end: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Worker {
    async fn start(database: &Database) -> Self {
        let (started, runtime) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let database = database.clone();
        let thread = std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                database.drive_here();
                started.send(Handle::current()).unwrap();
                let _ = ended.await;
            });
        });
        Self { runtime: runtime.await.unwrap(), end, thread }
    }

    /// Runs this on the thread.
    async fn on<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        self.runtime.spawn(work).await.unwrap()
    }

    /// A transaction begun on the thread.
    async fn lease(&self, place: &Arc<Place>) -> Lease {
        let place = Arc::clone(place);
        self.on(async move { Lease::begin(&place, Access::Read, Binding::Tenant(Uuid::now_v7())).await.unwrap() }).await
    }

    /// The process behind a lease, asked on the thread; and the lease. It takes a moment: an answer that has come before it is waited for
    /// is read also where nobody drives the socket any more.
    async fn process(&self, mut lease: Lease) -> (Result<i64, Error>, Lease) {
        let asked = async move {
            let statement =
                Statement::from_string(lease.backend(), "SELECT pg_backend_pid()::bigint FROM pg_sleep(0.1)");
            let rows = lease.rows(statement, Keys::default()).await;
            (rows.map(|rows| rows[0].try_get_by_index(0).unwrap()), lease)
        };
        self.on(asked).await
    }

    /// Gives a lease back on the thread.
    async fn give_back(&self, mut lease: Lease) {
        self.on(async move { lease.roll_back().await }).await;
    }

    /// Ends the thread, and the runtime with it.
    fn end(self) {
        self.end.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

async fn scene(connections: &str) -> (TestDatabase, Database, [Worker; 2]) {
    let test = TestDatabase::postgres().await;
    let mut variables = test.variables();
    variables.extend(["POOL_MIN", "POOL_MAX"].map(|name| (name, connections.to_owned())));
    let database = open_unchecked(&variables);
    let workers = [Worker::start(&database).await, Worker::start(&database).await];
    (test, database, workers)
}

#[tokio::test]
async fn a_thread_takes_the_connection_that_it_drives() {
    let (_test, database, [one, other]) = scene("2").await;
    let place = &database.serving;
    let (ones, held) = one.process(one.lease(place).await).await;
    let (others, others_held) = other.process(other.lease(place).await).await;
    one.give_back(held).await;
    other.give_back(others_held).await;
    for _ in 0..3 {
        // Each time, the other's was given back last.
        for (worker, own) in [(&one, &ones), (&other, &others)] {
            let (process, held) = worker.process(worker.lease(place).await).await;
            assert_eq!(process.unwrap(), *own.as_ref().unwrap());
            worker.give_back(held).await;
        }
    }
}

#[tokio::test]
async fn a_connection_dies_with_the_thread_that_drives_it() {
    let (_test, database, [one, other]) = scene("1").await;
    one.give_back(one.lease(&database.serving).await).await;
    let held = other.lease(&database.serving).await;
    one.end();
    let (process, _) = other.process(held).await;
    assert!(matches!(process, Err(Error::Unavailable(_))), "{process:?}");
    // It costs nobody else anything.
    let held = other.lease(&database.serving).await;
    assert!(other.process(held).await.0.is_ok());
}

#[tokio::test]
async fn threads_may_end_once_connections_have_come_home() {
    let (_test, database, [one, other]) = scene("1").await;
    one.give_back(one.lease(&database.serving).await).await;
    let held = other.lease(&database.serving).await;
    let coming = database.clone();
    let mut coming = tokio::spawn(async move { coming.come_home().await });
    let early = tokio::time::timeout(Duration::from_millis(100), &mut coming).await;
    assert!(early.is_err(), "somebody holds what another thread drives");
    let (before, held) = other.process(held).await;
    other.give_back(held).await;
    coming.await.unwrap();
    one.end();
    let (after, held) = other.process(other.lease(&database.serving).await).await;
    assert_ne!(after.unwrap(), before.unwrap(), "what is not driven at home is kept no more");
    other.give_back(held).await;
    other.end();
    let mut held = Lease::begin(&database.serving, Access::Read, Binding::Tenant(Uuid::now_v7())).await.unwrap();
    held.run("SELECT 1").await.expect("driven at home, whoever asked for it");
    held.roll_back().await;
}

#[tokio::test]
async fn who_holds_what_the_same_thread_drives_is_not_waited_for() {
    let (_test, database, [one, _other]) = scene("2").await;
    let held = one.lease(&database.serving).await;
    database.come_home().await;
    let (process, held) = one.process(held).await;
    assert!(process.is_ok());
    one.give_back(held).await;
    let sizes: Vec<_> = database.pools().into_iter().map(|pool| pool.size).collect();
    assert_eq!(sizes, [0], "and it is closed when it is given back");
}
