//! What these tests share: a shell for commands, a server to talk to, a client that can be as slow as it likes.

pub(crate) mod client;
mod collector;
mod lock;
mod server;
mod shell;

use std::time::{Duration, Instant};

use testkit::TestDatabase;

pub(crate) use client::{Answer, Request, Sending};
pub(crate) use collector::Collector;
pub(crate) use lock::lock_users;
pub(crate) use server::Server;
pub(crate) use shell::{Outcome, Shell};

/// The secret that every command of a test signs and verifies with.
pub(crate) const SECRET: &str = "a secret of the tests, longer than it has to be";

/// Longer than anything here takes, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until something is there, and gives it.
#[expect(clippy::disallowed_methods, reason = "what is waited for happens in another process")]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        match look() {
            Some(found) => return found,
            None if Instant::now() > until => panic!("waited in vain: {what}"),
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Takes every table away.
pub(crate) async fn emptied(database: &TestDatabase) {
    match database {
        TestDatabase::Sqlite(file) => std::fs::remove_file(file.path()).expect("the file is there"),
        TestDatabase::Postgres(_) => {
            let sql = "DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION pg_database_owner;
                       GRANT USAGE ON SCHEMA public TO PUBLIC";
            database.execute(sql).await;
        }
    }
}

/// Repeats a test on SQLite and on PostgreSQL: `async fn name(database: TestDatabase)`.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(testkit::TestDatabase::sqlite().await).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(testkit::TestDatabase::postgres().await).await;
            })+
        }
    };
}

pub(crate) use on_both_databases;
