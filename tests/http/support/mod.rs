//! What every test here needs: the application, a client, tokens, tenants with rows.

mod app;
mod client;
pub(crate) mod operations;
mod raw;
mod rows;
pub(crate) mod tokens;

use testkit::TestDatabase;

pub(crate) use app::TestApp;
pub(crate) use client::{Answer, Call};
pub(crate) use rows::{Row, Tenant};

/// What a test of [`both_databases!`] may take.
pub(crate) trait FromDatabase {
    /// Makes it on a fresh database.
    async fn from_database(database: TestDatabase) -> Self;
}

impl FromDatabase for TestDatabase {
    async fn from_database(database: TestDatabase) -> Self {
        database
    }
}

impl FromDatabase for TestApp {
    async fn from_database(database: TestDatabase) -> Self {
        TestApp::on(database).await
    }
}

/// The same tests on both databases: `name::sqlite` and `name::postgres` for each function. A function takes a
/// [`TestApp`] with the usual settings, or a [`TestDatabase`] to start one with its own:
///
/// ```ignore
/// both_databases! {
///     async fn a_tenant_sees_itself(app: TestApp) {
///         let acme = app.tenant("acme").await;
///         let answer = app.get("/v1/tenant").bearer(&acme.token("viewer")).send().await.expect(200);
///         assert_eq!(answer.json()["id"], acme.id);
///     }
/// }
/// ```
#[macro_export]
macro_rules! both_databases {
    ($($(#[doc = $doc:literal])* async fn $name:ident($argument:ident: $kind:ty) $body:block)+) => {$(
        $(#[doc = $doc])*
        mod $name {
            use super::*;

            async fn check($argument: $kind) $body

            #[tokio::test]
            async fn sqlite() {
                let database = ::testkit::TestDatabase::sqlite().await;
                check(<$kind as $crate::support::FromDatabase>::from_database(database).await).await;
            }

            #[tokio::test]
            async fn postgres() {
                let database = ::testkit::TestDatabase::postgres().await;
                check(<$kind as $crate::support::FromDatabase>::from_database(database).await).await;
            }
        }
    )+};
}
