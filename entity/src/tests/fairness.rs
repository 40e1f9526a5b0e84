//! Tables that tenants share have one pool: a crowd of one tenant waits for itself, and not the others for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use testkit::TestDatabase;
use uuid::Uuid;

use super::fleet::{user, with};
use super::{admitted, open_unchecked};
use crate::session::TenantAccess;

/// Requests that the crowd has under way at any time.
const CROWD: usize = 200;

/// Requests of the tenant that sends one after the other.
const ALONE: u32 = 40;

/// Writes and reads, and tells how long that took.
async fn request(tenant: &TenantAccess) -> Duration {
    let begun = Instant::now();
    let made = tenant.users().insert(user()).await.unwrap();
    tenant.users().get(made.id).await.unwrap().unwrap();
    begun.elapsed()
}

/// How long a request of the crowd takes, on average, and one of somebody who comes alone meanwhile.
async fn measured(test: TestDatabase) -> (Duration, Duration) {
    let settings = [("CONNECTION_BUDGET", "8"), ("POOL_MIN", "4"), ("POOL_MAX", "4")];
    let database = open_unchecked(&with(test.variables(), &settings));
    let (noisy, quiet) = (admitted(&database, Uuid::now_v7()), admitted(&database, Uuid::now_v7()));
    let stop = Arc::new(AtomicBool::new(false));
    let crowd = (0..CROWD).map(|_| {
        let (noisy, stop) = (noisy.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let (mut took, mut sent) = (Duration::ZERO, 0);
            while !stop.load(Ordering::Relaxed) {
                took += request(&noisy).await;
                sent += 1;
            }
            (took, sent)
        })
    });
    let crowd: Vec<_> = crowd.collect();
    let mut alone = Duration::ZERO;
    for _ in 0..ALONE {
        alone += request(&quiet).await;
    }
    stop.store(true, Ordering::Relaxed);
    let crowd = join_all(crowd).await.into_iter().map(Result::unwrap);
    let (took, sent) = crowd.fold((Duration::ZERO, 0_u32), |(took, sent), one| (took + one.0, sent + one.1));
    (took / sent.max(1), alone / ALONE)
}

async fn check(test: TestDatabase) {
    let (crowd, alone) = measured(test).await;
    eprintln!("a request among {CROWD} takes {crowd:?}, one of another tenant meanwhile {alone:?}");
    assert!(alone * 5 < crowd, "{alone:?} alone, {crowd:?} in the crowd");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_does_not_keep_another_tenant_waiting_postgres() {
    check(TestDatabase::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_does_not_keep_another_tenant_waiting_sqlite() {
    check(TestDatabase::sqlite().await).await;
}
