//! One pool: when it is made, grows, shrinks, and is closed.

use std::time::Duration;

use futures_util::future::join_all;
use testkit::TestDatabase;

use super::{Sampler, all_request, requests};
use crate::Scaling;
use crate::connection::{Access, Binding, Lease};
use crate::tests::fleet::Fleet;

#[tokio::test(flavor = "multi_thread")]
async fn first_requests_at_once_open_one_pool() {
    let fleet = Fleet::new(TestDatabase::postgres().await, 1, &[]).await;
    let tenant = &fleet.tenants[0];
    join_all((0..50).map(|_| requests(tenant, 1))).await;
    // Some are still being opened for requests that were answered on another meanwhile.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let pools: Vec<_> = fleet.database.pools().into_iter().filter(|pool| pool.tenant.is_some()).collect();
    assert_eq!(pools.len(), 1, "{pools:?}");
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = 'tenant_{}'", tenant.id().simple());
    assert_eq!(fleet.test.number(&sql).await, i64::try_from(pools[0].size).unwrap(), "none beside the pool's");
}

/// Every change of the limit of a tenant's pool, as long as `work` goes on.
async fn scalings(fleet: &Fleet, work: impl Future<Output = ()>) -> Vec<(usize, usize)> {
    let mut seen: Vec<Scaling> = Vec::new();
    let mut work = std::pin::pin!(work);
    loop {
        let last = fleet.pool(&fleet.tenants[0]).and_then(|pool| pool.last_scaling);
        seen.extend(last.filter(|scaling| seen.last() != Some(scaling)));
        if tokio::time::timeout(Duration::from_millis(1), &mut work).await.is_ok() {
            return seen.into_iter().map(|scaling| (scaling.from, scaling.to)).collect();
        }
    }
}

async fn lease(fleet: &Fleet) -> Lease {
    let tenant = &fleet.tenants[0];
    let place = fleet.database.place_of(tenant.tenant()).unwrap();
    let lease = Lease::begin(&place, Access::Read, Binding::Tenant(tenant.id())).await.unwrap();
    // As one by one as people come.
    tokio::time::sleep(Duration::from_millis(5)).await;
    lease
}

async fn pool_moves(more: &[(&'static str, &str)], most: usize, up: &[(usize, usize)], down: &[(usize, usize)]) {
    let fleet = Fleet::new(TestDatabase::postgres().await, 1, more).await;
    let mut leases = Vec::new();
    let grown = scalings(&fleet, async {
        while leases.len() < most {
            leases.push(lease(&fleet).await);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    });
    assert_eq!(grown.await, up);
    let full = fleet.pool(&fleet.tenants[0]).unwrap();
    assert_eq!((full.size, full.in_use, full.limit, full.waiting), (most, most, most, 0));
    let shrunk = scalings(&fleet, async {
        for mut lease in leases {
            lease.roll_back().await;
        }
        tokio::time::sleep(Duration::from_secs(2 + down.len() as u64)).await;
    });
    assert_eq!(&shrunk.await[1..], down, "after the last growth");
    let small = fleet.pool(&fleet.tenants[0]).unwrap();
    assert_eq!((small.size, small.limit), (small.min, small.min));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_grows_above_80_percent_and_shrinks_below_30() {
    let up = [(5, 15), (15, 25), (25, 30)];
    pool_moves(&[("POOL_MAX", "30")], 30, &up, &[(30, 25), (25, 20), (20, 15), (15, 10), (10, 5)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_moves_as_the_settings_say() {
    let rules = [
        ("POOL_MIN", "2"),
        ("POOL_MAX", "9"),
        ("POOL_GROW_ABOVE", "50"),
        ("POOL_GROW_BY", "3"),
        ("POOL_SHRINK_BELOW", "10"),
        ("POOL_SHRINK_BY", "4"),
    ];
    pool_moves(&rules, 9, &[(2, 5), (5, 8), (8, 9)], &[(9, 5), (5, 2)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_idle_is_closed() {
    let fleet = Fleet::new(TestDatabase::postgres().await, 3, &[("POOL_IDLE", "500ms")]).await;
    all_request(&fleet.tenants, 2).await;
    assert!(fleet.tenants.iter().all(|tenant| fleet.pool(tenant).is_some_and(|pool| pool.size > 0)));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(fleet.tenants.iter().all(|tenant| fleet.pool(tenant).is_none()), "{:?}", fleet.database.pools());
    assert_eq!(fleet.database.budget().open, 0);
    let sampler = Sampler::start(fleet.test.server(), &fleet.tenants).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(sampler.stop().await.0, 0);
    all_request(&fleet.tenants, 2).await;
}
