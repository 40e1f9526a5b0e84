//! What every test here needs: the application, a client, tokens, tenants with rows.

mod app;
mod client;
mod housing;
pub(crate) mod operations;
mod raw;
mod rows;
pub(crate) mod tokens;
pub(crate) mod work;

pub(crate) use app::{Second, TestApp};
pub(crate) use client::{Answer, Call};
pub(crate) use housing::{FromHousing, Housing};
pub(crate) use rows::{Row, Tenant};

/// The same tests on both databases: `name::sqlite` and `name::postgres` for each function, with tenants in shared tables. A
/// function takes a [`TestApp`] with the usual settings, or a database or a [`Housing`] to start one with its own:
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
    ($($test:tt)+) => { $crate::housed! { [
        sqlite: sqlite "shared",
        postgres: postgres "shared",
    ] $($test)+ } };
}

/// The same tests with tenants in every kind of place on both databases. For what is about a tenant's rows.
#[macro_export]
macro_rules! every_place {
    ($($test:tt)+) => { $crate::housed! { [
        sqlite: sqlite "shared",
        sqlite_database: sqlite "database",
        postgres: postgres "shared",
        postgres_schema: postgres "schema",
        postgres_database: postgres "database",
    ] $($test)+ } };
}

/// The same tests on both databases, with all tenants in shared tables and with tenants in different places. For what takes
/// long and has little to do with rows.
#[macro_export]
macro_rules! mixed_fleet {
    ($($test:tt)+) => { $crate::housed! { [
        sqlite: sqlite "shared",
        sqlite_mixed: sqlite "database" "shared",
        postgres: postgres "shared",
        postgres_mixed: postgres "schema" "shared" "database",
    ] $($test)+ } };
}

/// The same tests as with [`every_place!`], and with tenants in different places too. For what is between tenants.
#[macro_export]
macro_rules! every_fleet {
    ($($test:tt)+) => { $crate::housed! { [
        sqlite: sqlite "shared",
        sqlite_database: sqlite "database",
        sqlite_mixed: sqlite "database" "shared",
        postgres: postgres "shared",
        postgres_schema: postgres "schema",
        postgres_database: postgres "database",
        postgres_mixed: postgres "schema" "shared" "database",
    ] $($test)+ } };
}

/// The same tests, each under several names: on which database, and in which places new tenants live by turns.
#[macro_export]
macro_rules! housed {
    ($variants:tt $($(#[doc = $doc:literal])* async fn $name:ident($argument:ident: $kind:ty) $body:block)+) => {$(
        $(#[doc = $doc])*
        mod $name {
            use super::*;

            async fn check($argument: $kind) $body

            $crate::variants! { $kind, $variants }
        }
    )+};
}

/// One test for each variant, by the function `check` beside it.
#[macro_export]
macro_rules! variants {
    ($kind:ty, [$($variant:ident: $database:ident $($place:literal)+,)+]) => {$(
        #[tokio::test]
        async fn $variant() {
            let housing = $crate::support::Housing {
                database: ::testkit::TestDatabase::$database().await,
                places: &[$($place),+],
            };
            check(<$kind as $crate::support::FromHousing>::from_housing(housing).await).await;
        }
    )+};
}
