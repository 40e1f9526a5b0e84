//! What these tests share: a shell for commands, a server to talk to, a client that can be as slow as it likes.

pub(crate) mod client;
mod server;
mod shell;

pub(crate) use client::{Answer, Request};
pub(crate) use server::Server;
pub(crate) use shell::Shell;

/// The secret that every command of a test signs and verifies with.
pub(crate) const SECRET: &str = "a secret of the tests, longer than it has to be";

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
