//! Through PgBouncer in transaction mode each transaction may be on another connection of the server, and one connection is
//! everybody's in turn.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use sea_orm::Statement;
use testkit::TestDatabase;
use uuid::Uuid;

use super::fleet::{admit, make, user};
use super::{open_unchecked, settings};
use crate::connection::{Access, Binding, Lease};
use crate::database::{Database, OpenError, open};
use crate::error::Keys;
use crate::gatekeeper::Gatekeeper;
use crate::session::TenantAccess;
use crate::vocabulary::Isolation;
use crate::{Error, Filter, guard};

/// Tenants in every kind of place, reached through PgBouncer.
struct Scene {
    database: Database,
    tenants: Vec<TenantAccess>,
    test: TestDatabase,
}

impl Scene {
    async fn set(each: usize) -> Self {
        let test = TestDatabase::postgres().await;
        let variables = test.server().variables_through_pgbouncer();
        let database = open_unchecked(&variables);
        let gatekeeper = Gatekeeper::new(database.clone());
        let mut tenants = Vec::new();
        for isolation in [Isolation::Shared, Isolation::Schema, Isolation::Database] {
            for id in make(&variables, isolation, None, each).await {
                tenants.push(admit(&gatekeeper, id).await);
            }
        }
        Self { database, tenants, test }
    }

    /// What is bound on each of the server's connections that are open now, and how many rows show there.
    async fn left(&self, tenant: &TenantAccess) -> Vec<(String, String, i64)> {
        let place = self.database.place_of(tenant.tenant()).unwrap();
        let look = || async {
            let sql = "SELECT coalesce(current_setting('app.current_tenant_id', true), ''),
                       current_setting('search_path'), (SELECT count(*) FROM public.users)";
            let statement = Statement::from_string(place.backend(), sql);
            let rows = Lease::read_alone(&place, statement, Keys::default()).await.unwrap();
            let text = |at| rows[0].try_get_by_index::<String>(at).unwrap();
            (text(0), text(1), rows[0].try_get_by_index(2).unwrap())
        };
        join_all((0..20).map(|_| look())).await
    }

    async fn assert_nothing_left(&self) {
        for tenant in &self.tenants {
            for left in self.left(tenant).await {
                assert_eq!(left, (String::new(), "\"$user\", public".to_owned(), 0));
            }
        }
    }
}

#[tokio::test]
async fn the_start_up_check_passes() {
    let scene = Scene::set(1).await;
    let checks = guard::examine(&scene.database).await.unwrap();
    let wrong: Vec<_> = checks.into_iter().filter(|check| !check.ok).collect();
    assert_eq!(wrong, []);
}

/// Names of statements are not carried along by the PgBouncer of the tests, which is older than that.
#[tokio::test]
async fn statements_that_are_mixed_up_are_noticed() {
    let test = TestDatabase::postgres().await;
    let mut variables = test.server().variables_through_pgbouncer();
    variables.iter_mut().for_each(|(_, url)| *url = url.replace("?statement-cache-capacity=0", ""));
    match open(&settings(&variables)).await {
        Err(OpenError::Unsafe(findings)) => assert!(findings[0].contains("statement-cache-capacity"), "{findings:?}"),
        other => panic!("{:?}", other.map(|_| "opened")),
    }
}

/// However a transaction ends, the connection that it was on has nothing of it when somebody else gets it.
#[tokio::test]
async fn nothing_is_left_on_the_servers_connections() {
    let scene = Scene::set(1).await;
    for tenant in &scene.tenants {
        let first = tenant.users().insert(user()).await.unwrap();
        let mut taken = user();
        taken.email = first.email;
        let refused = tenant.users().insert(taken).await;
        assert!(matches!(refused, Err(Error::Conflict { field: Some("email") })), "{refused:?}");
        let undone: Result<(), Error> = tenant
            .transaction(async |transaction| {
                transaction.users().insert(user()).await?;
                Err(Error::BadCursor)
            })
            .await;
        assert!(undone.is_err());
        let work = tenant.transaction(async |transaction| -> Result<(), Error> {
            transaction.users().insert(user()).await?;
            std::panic::resume_unwind(Box::new("a fault in a handler"))
        });
        assert!(AssertUnwindSafe(work).catch_unwind().await.is_err());
        let asleep = async {
            let place = scene.database.place_of(tenant.tenant()).unwrap();
            let mut lease = Lease::begin(&place, Access::Write, Binding::Tenant(tenant.id())).await?;
            lease.run("SELECT pg_sleep(60)").await
        };
        assert!(tokio::time::timeout(Duration::from_millis(200), asleep).await.is_err());
        assert_eq!(tenant.users().count(Filter::all()).await.unwrap(), 1, "{tenant:?}");
    }
    scene.assert_nothing_left().await;
}

/// Inserts some rows one by one, and sees exactly its own tenant's.
async fn transaction(tenant: &TenantAccess, number: usize) -> Result<(), Error> {
    tenant
        .transaction(async |transaction| {
            let mut own = Vec::new();
            for _ in 0..3 {
                own.push(transaction.users().insert(user()).await?.id);
                tokio::time::sleep(Duration::from_millis(u64::try_from(number % 4).unwrap())).await;
            }
            let rows = transaction.users().list(Filter::all()).slice(None, 100).await?.rows;
            assert!(rows.iter().all(|row| row.tenant_id == tenant.id()), "rows of others in {tenant:?}");
            let seen = rows.iter().filter(|row| own.contains(&row.id)).count();
            assert_eq!(seen, own.len(), "own rows are missing in {tenant:?}");
            if number.is_multiple_of(3) { Err(Error::BadCursor) } else { Ok(()) }
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn interleaved_transactions_never_see_each_other() {
    const ROUNDS: usize = 12;
    let scene = Scene::set(3).await;
    let works = scene.tenants.iter().flat_map(|tenant| {
        (0..ROUNDS).map(|number| {
            let tenant = tenant.clone();
            tokio::spawn(async move {
                let outcome = transaction(&tenant, number).await;
                assert_eq!(outcome.is_err(), number.is_multiple_of(3), "{outcome:?}");
                let read = tenant.users().get(Uuid::now_v7()).await.unwrap();
                assert!(read.is_none());
            })
        })
    });
    for work in join_all(works).await {
        work.unwrap();
    }
    for tenant in &scene.tenants {
        let kept = (0..ROUNDS).filter(|number| !number.is_multiple_of(3)).count() * 3;
        assert_eq!(tenant.users().count(Filter::all()).await.unwrap(), u64::try_from(kept).unwrap());
    }
    scene.assert_nothing_left().await;
    let shared =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'test_serving'";
    let open = scene.test.number(shared).await;
    assert!((1..=3).contains(&open), "{open} connections of the server: they were not shared");
}
