//! One connection budget over the pools of many tenants: it is kept, and nobody is starved.

mod pools;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testkit::{PostgresDatabase, TestDatabase};
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

use super::fleet::{Fleet, admit, make, make_at_once, user, with};
use super::open_unchecked;
use crate::connection::CREATE;
use crate::gatekeeper::Gatekeeper;
use crate::session::TenantAccess;
use crate::vocabulary::Isolation;
use crate::{Error, Filter};

/// Longest that a request of somebody who asks for little takes, whatever the others do: below the 5 s after which the
/// database is called busy, and above what two hundred new connections take on a machine with little time.
const PROMPT: Duration = Duration::from_secs(4);

/// Writes or reads one row.
async fn request(tenant: &TenantAccess, number: usize) -> Result<(), Error> {
    if number.is_multiple_of(2) {
        tenant.users().insert(user()).await.map(|_| ())
    } else {
        tenant.users().list(Filter::all()).slice(None, 10).await.map(|_| ())
    }
}

/// Sends requests one after the other, and tells how long the slowest took.
async fn requests(tenant: &TenantAccess, count: usize) -> Duration {
    let mut slowest = Duration::ZERO;
    for number in 0..count {
        let begun = Instant::now();
        request(tenant, number).await.unwrap();
        slowest = slowest.max(begun.elapsed());
    }
    slowest
}

/// Sends requests from many tasks at once until it is told to stop, and then tells how many there were. None may fail.
struct Hammer {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<usize>>,
}

impl Hammer {
    fn start(tenant: &TenantAccess, tasks: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let task = |_| {
            let (tenant, stop) = (tenant.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut sent = 0;
                while !stop.load(Ordering::Relaxed) {
                    request(&tenant, sent).await.unwrap();
                    sent += 1;
                }
                sent
            })
        };
        Self { tasks: (0..tasks).map(task).collect(), stop }
    }

    async fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        join_all(self.tasks).await.into_iter().map(Result::unwrap).sum()
    }
}

/// Counts the connections that the server has from this installation, again and again.
struct Sampler {
    stop: Arc<AtomicBool>,
    most: JoinHandle<(i64, u64)>,
}

impl Sampler {
    async fn start(server: &PostgresDatabase, tenants: &[TenantAccess]) -> Self {
        let mut connection = PgConnection::connect(&server.superuser_url()).await.unwrap();
        let own: Vec<String> = tenants.iter().map(|tenant| format!("'tenant_{}'", tenant.id().simple())).collect();
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tenantry'
             AND (datname = current_database() OR datname IN ({}))",
            own.join(", ")
        );
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let most = tokio::spawn(async move {
            let (mut most, mut samples) = (0, 0);
            while !stopped.load(Ordering::Relaxed) {
                let open: i64 =
                    sqlx::query_scalar(AssertSqlSafe(sql.as_str())).fetch_one(&mut connection).await.unwrap();
                (most, samples) = (open.max(most), samples + 1);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            (most, samples)
        });
        Self { stop, most }
    }

    /// The most connections that were seen, and how often somebody looked.
    async fn stop(self) -> (i64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        self.most.await.unwrap()
    }
}

const TENANTS: usize = 200;

/// Requests of each of them.
const EACH: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_databases_share_twenty_connections() {
    let test = TestDatabase::postgres().await;
    let mut ids = make(&test.variables(), Isolation::Database, None, TENANTS).await;
    ids.extend(make(&test.variables(), Isolation::Shared, None, 5).await);
    let fleet = Fleet::open(test, &ids, &[("CONNECTION_BUDGET", "20")]).await;
    let (own, shared) = fleet.tenants.split_at(TENANTS);
    let (busy, others) = own.split_first().unwrap();
    let sampler = Sampler::start(fleet.test.server(), own).await;
    request(&shared[0], 0).await.unwrap();
    let begun = Instant::now();
    let hammer = Hammer::start(busy, 100);
    let (slowest, slowest_shared) = tokio::join!(all_request(others, EACH), all_request(shared, 5 * EACH));
    let took = begun.elapsed();
    let hammered = hammer.stop().await;
    let (most, samples) = sampler.stop().await;
    eprintln!(
        "{TENANTS} tenants with {EACH} requests each in {took:?}; slowest {slowest:?}, in shared tables {slowest_shared:?}; \
         {hammered} requests of the busy one; at most {most} connections in {samples} samples"
    );
    assert!(most <= 20, "{most} connections were open");
    assert!(samples > 30, "{samples} samples");
    assert!(slowest < PROMPT, "{slowest:?}");
    assert!(slowest_shared < PROMPT / 2, "many tenants' tables are not one tenant's: {slowest_shared:?}");
    // Whoever opens a connection looks now and then whether anybody still waits for it.
    let patience = Instant::now() + Duration::from_secs(1);
    while fleet.database.budget().waiting > 0 && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(fleet.database.budget().waiting, 0);
}

/// All tenants at once, each one request after the other: the slowest.
async fn all_request(tenants: &[TenantAccess], count: usize) -> Duration {
    let one = |tenant: &TenantAccess| {
        let tenant = tenant.clone();
        tokio::spawn(async move { requests(&tenant, count).await })
    };
    join_all(tenants.iter().map(one)).await.into_iter().map(Result::unwrap).max().unwrap()
}

/// Connections that were ever opened to the tenants' own databases.
async fn sessions(fleet: &Fleet) -> i64 {
    // The server counts one when it has been idle for a moment.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let own: Vec<String> = fleet.tenants.iter().map(|tenant| format!("'tenant_{}'", tenant.id().simple())).collect();
    let own = own.join(", ");
    fleet.test.number(&format!("SELECT sum(sessions)::bigint FROM pg_stat_database WHERE datname IN ({own})")).await
}

/// Now one of them would like to have more connections, and now another. A new connection costs what fifty requests do: it is
/// cheaper to wait for one.
#[tokio::test(flavor = "multi_thread")]
async fn connections_do_not_follow_every_wish() {
    let fleet = Fleet::new(TestDatabase::postgres().await, 10, &[("CONNECTION_BUDGET", "20")]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let visitor = |seed: usize| {
        let (tenants, stop) = (fleet.tenants.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut sent = 0;
            while !stop.load(Ordering::Relaxed) {
                let number = (seed * 31 + sent * sent * 7 + sent * 3) % 101;
                tenants[number % tenants.len()].users().count(Filter::all()).await.unwrap();
                sent += 1;
            }
            sent
        })
    };
    let visitors: Vec<_> = (0..12).map(visitor).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = sessions(&fleet).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let opened = sessions(&fleet).await - before;
    stop.store(true, Ordering::Relaxed);
    let requests: usize = join_all(visitors).await.into_iter().map(Result::unwrap).sum();
    eprintln!("{opened} connections were opened while {requests} requests were answered");
    assert!(usize::try_from(opened).unwrap() * 50 < requests, "{opened} connections for {requests} requests");
}

/// Two who want more than there is get as much as each other; and one, what the other has not used for a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_share_is_had_by_whoever_wants_it_and_more_when_others_rest() {
    let fleet = Fleet::new(TestDatabase::postgres().await, 2, &[("CONNECTION_BUDGET", "20")]).await;
    let [first, second] = [&fleet.tenants[0], &fleet.tenants[1]];
    let sizes = || [first, second].map(|tenant| fleet.pool(tenant).map_or(0, |pool| pool.size));
    let until = async |what: &str, is_so: &dyn Fn([usize; 2]) -> bool| {
        let began = Instant::now();
        while !is_so(sizes()) {
            assert!(began.elapsed() < Duration::from_secs(20), "{what}: {:?}", sizes());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // Fifteen are not the catalog's, and a quarter of them is nobody's alone.
    let one = Hammer::start(first, 15);
    until("who comes alone has all that there is for one", &|[one, _]| one == 12).await;
    let other = Hammer::start(second, 15);
    until("each has its share", &|[one, other]| other >= 7 && one <= 8).await;
    one.stop().await;
    until("what rests goes to who could use it", &|[_, other]| other == 12).await;
    other.stop().await;
}

/// Asks again and again, whatever the answer is, for as long as this lives.
fn pester(tenant: &TenantAccess, tasks: usize) -> JoinSet<()> {
    let mut pestering = JoinSet::new();
    for _ in 0..tasks {
        let tenant = tenant.clone();
        pestering.spawn(async move {
            loop {
                let answer = request(&tenant, 1).await;
                assert!(matches!(answer, Err(Error::Unavailable(_) | Error::Busy)), "{answer:?}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
    pestering
}

/// A server that takes connections and never says a word.
async fn mute_server() -> (u16, JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            taken.push(socket);
        }
    });
    (port, task)
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_that_are_down_harm_no_other() {
    let (test, elsewhere) = (TestDatabase::postgres().await, TestDatabase::postgres().await);
    let url = elsewhere.server().url("test_owner");
    let stores = with(test.variables(), &[("DATASTORES", &format!("mute={url},gone={url}2"))]);
    let mut ids = make(&stores, Isolation::Database, None, 6).await;
    ids.extend(make(&stores, Isolation::Shared, None, 2).await);
    let mute = make(&stores, Isolation::Database, Some("mute"), 20).await;
    let (port, _mute) = mute_server().await;
    let moved = format!("mute=postgres://127.0.0.1:{port}/nowhere,gone=postgres://127.0.0.1:1/nowhere");
    let fleet = Fleet::open(test, &ids, &[("CONNECTION_BUDGET", "20"), ("DATASTORES", &moved)]).await;

    let gatekeeper = Gatekeeper::new(fleet.database.clone());
    let shut = &fleet.tenants[0];
    let name = format!("tenant_{}", shut.id().simple());
    fleet.test.execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    fleet
        .test
        .execute(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))
        .await;
    let mut pestering = vec![pester(shut, 20)];
    for id in &mute {
        pestering.push(pester(&admit(&gatekeeper, *id).await, 3));
    }
    for id in &ids[1..3] {
        let mut row = admit(&gatekeeper, *id).await.tenant().clone();
        (row.id, row.datastore) = (Uuid::now_v7(), Some("gone".to_owned()));
        pestering.push(pester(&gatekeeper.admit_for_test(row), 20));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    let mut slowest = Duration::ZERO;
    // Longer than whoever opens a connection waits for an answer.
    while begun.elapsed() < CREATE + Duration::from_secs(2) {
        slowest = slowest.max(all_request(&fleet.tenants[1..], 10).await);
    }
    eprintln!("slowest while others are down: {slowest:?}");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    for mut tasks in pestering {
        assert!(tasks.try_join_next().is_none(), "somebody was answered");
    }
    fleet.test.execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    request(shut, 0).await.unwrap();
}

/// Requests end in every way there is: none of them may keep a connection, a permit or a turn.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_broken_off_leave_nothing_taken() {
    let small = [("CONNECTION_BUDGET", "8"), ("POOL_IDLE", "500ms")];
    let fleet = Fleet::new(TestDatabase::postgres().await, 8, &small).await;
    let sampler = Sampler::start(fleet.test.server(), &fleet.tenants).await;
    let mut requests = JoinSet::new();
    for number in 0..400_usize {
        let tenant = fleet.tenants[number % fleet.tenants.len()].clone();
        let patience = Duration::from_millis(u64::try_from(number % 23).unwrap());
        requests.spawn(async move {
            match number % 5 {
                0 => drop(
                    tenant
                        .transaction(async |_| -> Result<(), Error> {
                            std::panic::resume_unwind(Box::new("a fault in a handler"))
                        })
                        .await,
                ),
                1 => drop(tenant.users().delete(Uuid::now_v7(), Filter::all()).await),
                _ => drop(tokio::time::timeout(patience, request(&tenant, number)).await),
            }
        });
    }
    while requests.join_next().await.is_some() {}
    assert!(all_request(&fleet.tenants, 3).await < PROMPT);
    assert!(sampler.stop().await.0 <= 8);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let budget = fleet.database.budget();
    assert_eq!((budget.open, budget.waiting), (0, 0), "{:?}", fleet.database.pools());
}

/// Each of them needs several connections at once. If all began, none could end.
#[tokio::test(flavor = "multi_thread")]
async fn many_places_are_made_with_few_connections() {
    let test = TestDatabase::postgres().await;
    let few = with(test.variables(), &[("CONNECTION_BUDGET", "8")]);
    let made = make_at_once(&few, Isolation::Database, None, 12, 12).await;
    let open = open_unchecked(&few);
    let gatekeeper = Gatekeeper::new(open);
    for id in made {
        request(&admit(&gatekeeper, id).await, 0).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_tenants_share_a_budget() {
    let fleet = Fleet::new(TestDatabase::sqlite().await, 12, &[("CONNECTION_BUDGET", "6")]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let (database, stopped) = (fleet.database.clone(), Arc::clone(&stop));
    let TestDatabase::Sqlite(file) = &fleet.test else { panic!("it is a file") };
    let directory = file.path().parent().unwrap().to_owned();
    // Those that made the tenants are being closed.
    while open_files(&directory) > fleet.database.budget().open {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let sampler = tokio::spawn(async move {
        let mut most = (0, 0);
        while !stopped.load(Ordering::Relaxed) {
            most = (most.0.max(database.budget().open), most.1.max(open_files(&directory)));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        most
    });
    let hammer = Hammer::start(&fleet.tenants[0], 20);
    let slowest = all_request(&fleet.tenants[1..], 10).await;
    hammer.stop().await;
    stop.store(true, Ordering::Relaxed);
    let (permits, files) = sampler.await.unwrap();
    assert!((2..=6).contains(&permits), "{permits} connections");
    assert!((2..=6).contains(&files), "{files} files are open");
    assert!(slowest < PROMPT, "{slowest:?}");
}

/// How many connections this process has to the files in the directory: each opens the write-ahead log of its file.
fn open_files(directory: &Path) -> usize {
    let targets =
        std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    targets.filter(|path| path.starts_with(directory) && path.to_string_lossy().ends_with("-wal")).count()
}
