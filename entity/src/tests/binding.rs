//! Whatever happens in a transaction, nothing of its tenant is left on the connection.
//!
//! The pool has one connection, so what is left behind would be found by the next one.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use sea_orm::Statement;
use testkit::TestDatabase;
use uuid::Uuid;

use super::{admitted, open_unchecked};
use crate::connection::{Access, Binding, Lease};
use crate::database::Database;
use crate::error::Keys;
use crate::session::TenantAccess;
use crate::vocabulary::Role;
use crate::{Error, Filter, NewUser};

/// A database with one serving connection, a tenant that has a user, and another tenant.
struct Scene {
    database: Database,
    tenant: TenantAccess,
    other: TenantAccess,
    _test: TestDatabase,
}

impl Scene {
    async fn set() -> Self {
        let test = TestDatabase::postgres().await;
        let mut variables = test.variables();
        variables.extend([("POOL_MIN", "1".to_owned()), ("POOL_MAX", "1".to_owned())]);
        let database = open_unchecked(&variables);
        let [tenant, other] = [(); 2].map(|()| admitted(&database, Uuid::now_v7()));
        tenant.users().insert(user("a@example.com")).await.unwrap();
        Self { database, tenant, other, _test: test }
    }

    /// The connection's process, and the tenant that it is still bound to.
    async fn connection(&self) -> (i64, String) {
        let place = &self.database.serving;
        let sql = "SELECT pg_backend_pid()::bigint, coalesce(current_setting('app.current_tenant_id', true), '')";
        let statement = Statement::from_string(place.backend(), sql);
        let rows = Lease::read_alone(place, statement, Keys::default()).await.unwrap();
        (rows[0].try_get_by_index(0).unwrap(), rows[0].try_get_by_index(1).unwrap())
    }

    /// Rows that a statement which names no tenant sees on the connection, outside of any transaction.
    async fn visible_unbound(&self) -> usize {
        let place = &self.database.serving;
        let statement = Statement::from_string(place.backend(), "SELECT 1 FROM users");
        Lease::read_alone(place, statement, Keys::default()).await.unwrap().len()
    }

    /// Nothing is bound, nothing shows, and the other tenant sees its own rows: none.
    async fn assert_nothing_left(&self) {
        assert_eq!(self.connection().await.1, "");
        assert_eq!(self.visible_unbound().await, 0);
        assert_eq!(self.other.users().count(Filter::all()).await.unwrap(), 0);
        assert_eq!(self.tenant.users().count(Filter::all()).await.unwrap(), 1);
    }

    async fn bound_lease(&self) -> Lease {
        let place = &self.database.serving;
        Lease::begin(place, Access::Write, Binding::Tenant(self.tenant.id())).await.unwrap()
    }
}

fn user(email: &str) -> NewUser {
    let (name, email) = ("A".to_owned(), email.to_owned());
    NewUser { tenant_id: None, id: None, name, email, role: Role::Member, created_at: None }
}

#[tokio::test]
async fn nothing_is_left_after_an_ordinary_operation() {
    let scene = Scene::set().await;
    let before = scene.connection().await.0;
    scene.tenant.users().get(Uuid::now_v7()).await.unwrap();
    scene.assert_nothing_left().await;
    assert_eq!(scene.connection().await.0, before, "the connection is used again");
}

#[tokio::test]
async fn nothing_is_left_after_a_failed_statement() {
    let scene = Scene::set().await;
    let before = scene.connection().await.0;
    let taken = scene.tenant.users().insert(user("A@Example.com")).await;
    assert!(matches!(taken, Err(Error::Conflict { field: Some("email") })), "{taken:?}");
    scene.assert_nothing_left().await;
    assert_eq!(scene.connection().await.0, before, "an ordinary refusal does not cost the connection");
}

#[tokio::test]
async fn nothing_is_left_after_a_rolled_back_transaction() {
    let scene = Scene::set().await;
    let before = scene.connection().await.0;
    let undone: Result<(), Error> = scene
        .tenant
        .transaction(async |transaction| {
            transaction.users().insert(user("b@example.com")).await?;
            Err(Error::BadCursor)
        })
        .await;
    assert!(undone.is_err());
    scene.assert_nothing_left().await;
    assert_eq!(scene.connection().await.0, before);
}

#[tokio::test]
async fn nothing_is_left_after_a_panic() {
    let scene = Scene::set().await;
    let work = scene.tenant.transaction(async |transaction| -> Result<(), Error> {
        transaction.users().insert(user("b@example.com")).await?;
        panic!("a fault in a handler");
    });
    assert!(AssertUnwindSafe(work).catch_unwind().await.is_err());
    scene.assert_nothing_left().await;
}

#[tokio::test]
async fn nothing_is_left_after_a_dropped_future() {
    let scene = Scene::set().await;
    let before = scene.connection().await.0;
    let work = async {
        let mut lease = scene.bound_lease().await;
        lease.run("SELECT pg_sleep(60)").await
    };
    assert!(tokio::time::timeout(Duration::from_millis(200), work).await.is_err(), "it was dropped in its statement");
    scene.assert_nothing_left().await;
    assert_ne!(scene.connection().await.0, before, "a connection in an unknown state is not used again");
}

#[tokio::test]
async fn nothing_is_left_after_a_transaction_dropped_between_statements() {
    let scene = Scene::set().await;
    let work = scene.tenant.transaction(async |transaction| -> Result<(), Error> {
        transaction.users().insert(user("b@example.com")).await?;
        std::future::pending().await
    });
    assert!(tokio::time::timeout(Duration::from_millis(200), work).await.is_err());
    scene.assert_nothing_left().await;
}

#[tokio::test]
async fn a_transaction_that_swallowed_a_failure_is_not_called_a_success() {
    let scene = Scene::set().await;
    let outcome: Result<(), Error> = scene
        .tenant
        .transaction(async |transaction| {
            transaction.users().insert(user("b@example.com")).await?;
            let _ = transaction.users().insert(user("b@example.com")).await;
            Ok(())
        })
        .await;
    assert!(outcome.is_err());
    scene.assert_nothing_left().await;
}

#[tokio::test]
async fn a_scope_that_outlives_its_transaction_reaches_nothing() {
    let scene = Scene::set().await;
    let kept = scene.tenant.transaction(async |transaction| Ok::<_, Error>(transaction.users())).await.unwrap();
    assert!(matches!(kept.count(Filter::all()).await, Err(Error::Internal(_))));
    scene.assert_nothing_left().await;
}

#[tokio::test]
async fn a_connection_that_died_in_the_pool_is_replaced() {
    let scene = Scene::set().await;
    let pid = scene.connection().await.0;
    scene._test.execute(&format!("SELECT pg_terminate_backend({pid})")).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(scene.tenant.users().count(Filter::all()).await.unwrap(), 1);
    assert_ne!(scene.connection().await.0, pid);
}

#[tokio::test]
async fn policies_hold_alone_when_a_statement_names_no_tenant() {
    let scene = Scene::set().await;
    scene.other.users().insert(user("other@example.com")).await.unwrap();
    let mut lease = scene.bound_lease().await;
    for (sql, reached) in [
        ("UPDATE users SET name = name", 1),
        ("DELETE FROM users", 1),
        ("INSERT INTO posts SELECT tenant_id, id, id, '', '', '', 1, now(), now() FROM users", 0),
    ] {
        let statement = Statement::from_string(lease.backend(), sql);
        assert_eq!(lease.affected(statement, Keys::default()).await.unwrap(), reached, "{sql}");
    }
    lease.roll_back().await;
    drop(lease);
    assert_eq!(scene.other.users().count(Filter::all()).await.unwrap(), 1);
}
