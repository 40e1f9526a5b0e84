use std::time::Duration;

use uuid::Uuid;

use super::concurrency::Concurrency;
use super::rate::Rates;
use super::too_many;

#[test]
fn one_seconds_worth_may_come_at_once() {
    let (rates, tenant) = (Rates::default(), Uuid::now_v7());
    let taken = (0..20).filter(|_| rates.count(tenant, 5).is_ok()).count();
    assert_eq!(taken, 5);
    let wait = rates.count(tenant, 5).unwrap_err();
    assert!(wait > Duration::ZERO && wait <= Duration::from_millis(200), "{wait:?}");
    assert!(rates.count(Uuid::now_v7(), 5).is_ok(), "another tenant has its own");
}

#[test]
fn requests_come_back_evenly() {
    let (rates, tenant) = (Rates::default(), Uuid::now_v7());
    while rates.count(tenant, 20).is_ok() {}
    std::thread::park_timeout(Duration::from_millis(120));
    let taken = (0..20).filter(|_| rates.count(tenant, 20).is_ok()).count();
    assert!((1..20).contains(&taken), "{taken}");
}

#[test]
fn a_changed_limit_holds_from_the_next_request_on() {
    let (rates, tenant) = (Rates::default(), Uuid::now_v7());
    while rates.count(tenant, 1).is_ok() {}
    assert!(rates.count(tenant, 2).is_ok());
    assert!(rates.count(tenant, 0).is_err(), "none at all");
    assert!(rates.count(tenant, u64::MAX).is_ok());
}

#[test]
fn idle_tenants_are_dropped() {
    let rates = Rates::default();
    for _ in 0..2_500 {
        rates.count(Uuid::now_v7(), 1).unwrap();
    }
    assert_eq!(rates.tenants(), 2_500, "all of them were here just now");
    std::thread::park_timeout(Duration::from_millis(2_100));
    for _ in 0..2_000 {
        rates.count(Uuid::now_v7(), 1).unwrap();
    }
    assert!(rates.tenants() < 2_500, "{}", rates.tenants());
}

#[test]
fn a_permit_comes_back_when_it_is_dropped() {
    let (concurrency, tenant) = (Concurrency::default(), Uuid::now_v7());
    let permits = [concurrency.enter(tenant, 2), concurrency.enter(tenant, 2)];
    assert!(permits.iter().all(Option::is_some) && concurrency.enter(tenant, 2).is_none());
    assert!(concurrency.enter(tenant, 3).is_some(), "a limit that was raised holds at once");
    drop(permits);
    assert_eq!(concurrency.tenants(), 0);
    assert!(concurrency.enter(tenant, 0).is_none());
}

#[test]
fn the_wait_is_in_whole_seconds_and_one_at_least() {
    let wait = |wait| match too_many(wait) {
        crate::error::Error::RateLimited { retry_after } => retry_after,
        other => panic!("{other}"),
    };
    assert_eq!(wait(Duration::ZERO), 1);
    assert_eq!(wait(Duration::from_millis(1_001)), 2);
}
