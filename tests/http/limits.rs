//! Requests a second and at the same time: over a limit 429, and nobody else notices.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::TestDatabase;

use crate::both_databases;
use crate::expect::{at_once, count};
use crate::support::{Answer, Housing, Second, Tenant, TestApp, tokens};

async fn limited(app: &TestApp, slug: &str, limits: Value) -> Tenant {
    app.tenant_with(&json!({ "slug": slug, "name": slug, "limits": limits })).await
}

async fn set_limits(app: &TestApp, tenant: &Tenant, limits: Value) {
    let call = app.patch(&format!("/admin/v1/tenants/{}", tenant.slug)).bearer(&tokens::platform());
    call.json(&json!({ "limits": limits })).send().await.expect(200);
}

async fn read(app: &TestApp, tenant: &Tenant) -> Answer {
    app.get("/v1/tenant").bearer(&tenant.token("viewer")).send().await
}

async fn crowd(app: &TestApp, tenant: &Tenant, size: usize) -> Vec<Answer> {
    let token = tenant.token("viewer");
    at_once((0..size).map(|_| app.get("/v1/users").bearer(&token))).await
}

#[track_caller]
fn is_told_to_wait(answer: Answer) {
    let answer = answer.refused(429, "rate_limited");
    let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds >= 1), "{seconds:?}");
}

both_databases! {
    /// One second's worth may come at once; another tenant is not concerned; and a changed limit holds at once.
    async fn a_rate_is_kept_by_tenant(app: TestApp) {
        let acme = limited(&app, "acme", json!({ "requests_per_second": 2 })).await;
        let globex = app.tenant("globex").await;
        let began = Instant::now();
        let answers = crowd(&app, &acme, 20).await;
        let most = 2 + 2 * (began.elapsed().as_secs() as usize + 1);
        let served = count(&answers, 200);
        assert!((2..=most).contains(&served), "{served} of 20");
        is_told_to_wait(answers.into_iter().find(|answer| answer.status == 429).expect("one was refused"));
        assert_eq!(count(&crowd(&app, &globex, 20).await, 200), 20);

        set_limits(&app, &acme, json!({ "requests_per_second": 1000 })).await;
        assert_eq!(count(&crowd(&app, &acme, 20).await, 200), 20);
        set_limits(&app, &acme, json!({ "requests_per_second": 0 })).await;
        is_told_to_wait(read(&app, &acme).await);
        let operator = app.get("/v1/users").bearer(&tokens::platform()).header("x-tenant-id", &acme.slug);
        operator.send().await.expect(200);
        set_limits(&app, &acme, json!({})).await;
        assert_eq!(count(&crowd(&app, &acme, 20).await, 200), 20);
    }

    /// `RATE_LIMIT` and `CONCURRENCY_LIMIT` are for those who have no limit of their own.
    async fn tenants_without_limits_have_those_of_the_settings(housing: Housing) {
        let app = TestApp::with(housing, &[("RATE_LIMIT", "1"), ("CONCURRENCY_LIMIT", "1000")]).await;
        let acme = app.tenant("acme").await;
        let globex = limited(&app, "globex", json!({ "requests_per_second": 1000, "concurrent_requests": 0 })).await;
        read(&app, &acme).await.expect(200);
        is_told_to_wait(read(&app, &acme).await);
        is_told_to_wait(read(&app, &globex).await);
        set_limits(&app, &globex, json!({ "requests_per_second": 1000 })).await;
        assert_eq!(count(&crowd(&app, &globex, 20).await, 200), 20);
    }

    /// What is refused for another reason is refused for that reason.
    async fn a_limit_says_nothing_to_who_is_not_let_in(app: TestApp) {
        let acme = limited(&app, "acme", json!({ "requests_per_second": 0 })).await;
        let globex = app.tenant("globex").await;
        let call = app.get("/v1/users").bearer(&globex.token("viewer")).header("x-tenant-id", &acme.slug);
        call.send().await.refused(403, "tenant_mismatch");
        app.act(&acme, "suspend").await.expect(200);
        read(&app, &acme).await.refused(403, "tenant_suspended");
    }

    /// The permit is held until the last byte of the answer is taken, and comes back when the client goes away.
    async fn an_answer_that_is_being_sent_is_a_request_under_way(app: TestApp) {
        let acme = app.tenant("acme").await;
        let (ada, token) = (app.user(&acme, "ada").await, acme.token("admin"));
        for _ in 0..24 {
            let draft = json!({ "title": "long", "user_id": ada.id, "content": "x".repeat(1 << 20) });
            app.post("/v1/posts").bearer(&token).json(&draft).send().await.expect(201);
        }
        set_limits(&app, &acme, json!({ "concurrent_requests": 1 })).await;
        let mut slow = TcpStream::connect(app.address()).unwrap();
        write!(slow, "GET /v1/posts?limit=100 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n").unwrap();
        slow.read_exact(&mut [0; 1]).unwrap();
        is_told_to_wait(read(&app, &acme).await);
        drop(slow);
        let began = Instant::now();
        while read(&app, &acme).await.status != 200 {
            assert!(began.elapsed() < Duration::from_secs(10), "the permit does not come back");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(read(&app, &acme).await.status, 200, "each gives its permit back");
    }
}

/// Reads the tenant's users so many times, and returns how long each took, in order.
async fn timed(app: &TestApp, tenant: &Tenant, times: usize) -> Vec<Duration> {
    let (token, mut took) = (tenant.token("viewer"), Vec::new());
    for _ in 0..times {
        let began = Instant::now();
        app.get("/v1/users").bearer(&token).send().await.expect(200);
        took.push(began.elapsed());
    }
    took.sort();
    took
}

/// A tenant at many times its share waits for itself: in one run, the other's requests are much faster than its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_noisy_tenant_waits_for_itself() {
    let settings = [("CONNECTION_BUDGET", "8"), ("POOL_MAX", "4")];
    let app = std::sync::Arc::new(TestApp::with(TestDatabase::postgres().await, &settings).await);
    let (noisy, quiet) = (app.tenant("noisy").await, app.tenant("quiet").await);
    app.user(&quiet, "ada").await;
    let alone = timed(&app, &quiet, 100).await;
    let crowd: Vec<_> = (0..100)
        .map(|_| {
            let (app, noisy) = (std::sync::Arc::clone(&app), noisy.clone());
            tokio::spawn(async move { timed(&app, &noisy, 20).await[10] })
        })
        .collect();
    let beside = timed(&app, &quiet, 60).await;
    let mut medians = Vec::new();
    for task in crowd {
        medians.push(task.await.unwrap());
    }
    medians.sort();
    let noisy = medians[medians.len() / 2];
    eprintln!("median: quiet alone {:?}, beside the crowd {:?}, the crowd {noisy:?}", alone[50], beside[30]);
    assert!(beside[30] * 2 < noisy, "{:?} beside a crowd that takes {noisy:?}", beside[30]);
}

fn redis() -> String {
    std::env::var("TENANTRY_TEST_REDIS_URL").expect("TENANTRY_TEST_REDIS_URL: run with scripts/with-servers")
}

/// Sends so many requests to two processes by turns, and returns how many were served, and in how many seconds.
async fn served_by_two(one: &TestApp, other: &Second, tenant: &Tenant, requests: usize) -> (usize, usize) {
    let (token, began) = (tenant.token("viewer"), Instant::now());
    let call = |number: usize| if number.is_multiple_of(2) { one.get("/v1/tenant") } else { other.get("/v1/tenant") };
    let answers = at_once((0..requests).map(|number| call(number).bearer(&token))).await;
    (count(&answers, 200), began.elapsed().as_secs() as usize + 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_with_one_redis_count_together() {
    let redis = redis();
    let settings = [("REDIS_URL", redis.as_str())];
    let one = TestApp::with(TestDatabase::postgres().await, &settings).await;
    let other = one.second(&settings);
    let acme = limited(&one, "acme", json!({ "requests_per_second": 4 })).await;
    let (served, seconds) = served_by_two(&one, &other, &acme, 40).await;
    assert!((4..=4 + 4 * seconds).contains(&served), "{served} in {seconds} s");
    is_told_to_wait(read(&one, &acme).await);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(count(&crowd(&one, &acme, 4).await, 200), 4, "a second's worth is there again");

    set_limits(&one, &acme, json!({ "requests_per_second": 40 })).await;
    assert_eq!(served_by_two(&one, &other, &acme, 40).await.0, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_from_redis_each_process_counts_by_itself() {
    let settings = [("REDIS_URL", "redis://127.0.0.1:1")];
    let one = TestApp::with(TestDatabase::postgres().await, &settings).await;
    let other = one.second(&settings);
    let acme = limited(&one, "acme", json!({ "requests_per_second": 1 })).await;
    read(&one, &acme).await.expect(200);
    is_told_to_wait(read(&one, &acme).await);
    let token = acme.token("viewer");
    other.get("/v1/tenant").bearer(&token).send().await.expect(200);
    is_told_to_wait(other.get("/v1/tenant").bearer(&token).send().await);
}
