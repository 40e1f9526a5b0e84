//! In several processes that share a Redis.

use std::time::{Duration, Instant};

use testkit::{TestDatabase, TestRedis};

use super::*;
use crate::TenantStatus;

/// Longer than it takes until Redis is used.
const PATIENCE: Duration = Duration::from_secs(20);

/// Processes of one installation, and their Redis.
pub(super) struct Installation {
    pub(super) scene: Scene,
    pub(super) redis: TestRedis,
}

impl Installation {
    pub(super) fn postgres() -> Self {
        Self::new(TestDatabase::postgres())
    }

    fn new(test: impl Future<Output = TestDatabase>) -> Self {
        let redis = TestRedis::start();
        let scene = Scene::new(test, &[("REDIS_URL", &redis.url()), ("CONNECTION_BUDGET", "20")]);
        Self { scene, redis }
    }

    pub(super) fn start(&self) -> Process {
        started(&self.scene.settings)
    }
}

/// A process that uses the cache.
pub(super) fn started(settings: &DatabaseSettings) -> Process {
    let process = Process::start(settings);
    process.database.tend_cache();
    usable(&process);
    process
}

/// Waits until the process uses the cache.
pub(super) fn usable(process: &Process) {
    let began = Instant::now();
    while !process.database.cache().is_usable {
        assert!(began.elapsed() < PATIENCE, "the cache is not used");
        process.wait(Duration::from_millis(10));
    }
}

/// Reads until the answer comes out of the cache.
pub(super) fn until_kept(process: &Process, access: &TenantAccess, post: &post::Model) -> Option<String> {
    let began = Instant::now();
    loop {
        let before = process.database.cache().rows.hits;
        let read = process.run(title(access, post));
        if process.database.cache().rows.hits > before {
            return read;
        }
        assert!(began.elapsed() < PATIENCE, "nothing is kept");
    }
}

#[test]
fn what_one_process_writes_the_next_read_in_another_sees_on_postgres() {
    each_sees_the_other(&Installation::postgres());
}

#[test]
fn what_one_process_writes_the_next_read_in_another_sees_on_sqlite() {
    each_sees_the_other(&Installation::new(TestDatabase::sqlite()));
}

fn each_sees_the_other(installation: &Installation) {
    let (one, other) = (installation.start(), installation.start());
    let acme = one.run(Acme::make(&one));
    let there = other.run(admitted(&other)).expect("it is known");
    let theirs = Acme { access: there.clone(), user: acme.user.clone(), post: acme.post.clone() };
    for round in 0..50 {
        let (writer, reader) = if round % 2 == 0 { (&acme, &there) } else { (&theirs, &acme.access) };
        let (writes, reads) = if round % 2 == 0 { (&one, &other) } else { (&other, &one) };
        let new = format!("round {round}");
        writes.run(writer.retitle(&new));
        assert_eq!(reads.run(title(reader, &acme.post)).as_deref(), Some(&*new));
        assert_eq!(writes.run(title(&writer.access, &acme.post)).as_deref(), Some(&*new));
    }
    // What one has read, the other need not.
    until_kept(&one, &acme.access, &acme.post);
    until_kept(&other, &there, &acme.post);
    // The same with the catalog.
    let status = |process: &Process| process.run(admitted(process)).map(|access| access.tenant().status);
    for _ in 0..10 {
        assert_eq!(status(&other), Some(TenantStatus::Active));
        one.run(async { one.platform().tenant_suspend(acme.access.id()).await.unwrap() });
        assert_eq!(status(&other), Some(TenantStatus::Suspended));
        other.run(async { other.platform().tenant_resume(acme.access.id()).await.unwrap() });
        assert_eq!(status(&one), Some(TenantStatus::Active));
    }
    assert!(other.database.cache().names.hits > 0);
}

#[test]
fn what_is_kept_outlives_writes_that_are_refused() {
    let installation = Installation::postgres();
    let (one, other) = (installation.start(), installation.start());
    let acme = one.run(Acme::make(&one));
    let theirs = acme.seen_by(&other);
    assert_eq!(until_kept(&one, &acme.access, &acme.post).as_deref(), Some("one"));
    let misses = one.database.cache().rows.misses;
    for _ in 0..20 {
        other.run(theirs.be_refused());
        assert_eq!(until_kept(&one, &acme.access, &acme.post).as_deref(), Some("one"));
    }
    assert_eq!(one.database.cache().rows.misses, misses);
    // Of two writes at once, one of which is refused, the other counts.
    for round in 0..20 {
        let new = format!("round {round}");
        other.run(async { tokio::join!(theirs.be_refused(), theirs.retitle(&new)) });
        assert_eq!(one.run(title(&acme.access, &acme.post)).as_deref(), Some(&*new));
    }
}

/// A command does not use the cache, but those who do must know what it changed.
#[test]
fn a_process_that_does_not_use_the_cache_is_heard() {
    let installation = Installation::postgres();
    let server = installation.start();
    let acme = server.run(Acme::make(&server));
    assert_eq!(until_kept(&server, &acme.access, &acme.post).as_deref(), Some("one"));
    let command = Process::start(&installation.scene.settings);
    command.run(async { command.platform().tenant_suspend(acme.access.id()).await.unwrap() });
    assert_eq!(server.run(admitted(&server)).unwrap().tenant().status, TenantStatus::Suspended);
    let writer = acme.seen_by(&command);
    command.run(writer.retitle("two"));
    assert_eq!(server.run(title(&acme.access, &acme.post)).as_deref(), Some("two"));
    drop(command);
    usable(&server);
}

/// A command that could tell nobody waits until everybody must have noticed.
#[test]
fn what_nobody_could_be_told_of_is_waited_for() {
    let mut installation = Installation::postgres();
    let url = installation.redis.url();
    let short = [("REDIS_URL", &*url), ("REQUEST_TIMEOUT", "2s")];
    let command = Process::start(&Scene::settings_of(&installation.scene.test, &short));
    let acme = command.run(Acme::make(&command));
    let noticed = || {
        let began = Instant::now();
        command.run(async {
            command.platform().tenant_suspend(acme.access.id()).await.unwrap();
            command.database.until_noticed().await;
            command.platform().tenant_resume(acme.access.id()).await.unwrap();
        });
        began.elapsed() >= Duration::from_secs(1)
    };
    assert!(!noticed(), "Redis has told them");
    installation.redis.kill();
    assert!(noticed(), "for as long as names are kept");
}

#[test]
fn of_many_who_miss_the_same_at_once_one_asks_the_database() {
    let installation = Installation::postgres();
    let process = installation.start();
    let acme = process.run(Acme::make(&process));
    let (titles, statements) = installation.scene.statements_of(&process, async {
        let mut readers = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (access, post) = (acme.access.clone(), acme.post.clone());
            readers.spawn(async move { title(&access, &post).await });
        }
        readers.join_all().await
    });
    assert!(titles.iter().all(|title| title.as_deref() == Some("one")) && titles.len() == 100);
    assert_eq!(statements, 1);
}

#[test]
fn who_comes_back_late_with_an_old_answer_is_the_only_one_who_gets_it() {
    let installation = Installation::postgres();
    let writer = installation.start();
    let acme = writer.run(Acme::make(&writer));
    let (steps, loaded, let_go) = held_at(&["answer loaded"]);
    let late = started(&installation.scene.settings.clone().stepping_cache(steps));
    let access = late.database.access(acme.access.tenant().clone()).unwrap();
    let (reader, post) = (access.clone(), acme.post.clone());
    let reading = late.database.spawn(async move { title(&reader, &post).await });
    loaded.recv().unwrap();
    writer.run(acme.retitle("two"));
    let_go.send(()).unwrap();
    assert_eq!(late.run(reading).unwrap().as_deref(), Some("one"), "it began before the write had ended");
    assert_eq!(writer.run(title(&acme.access, &acme.post)).as_deref(), Some("two"));
    assert_eq!(late.run(title(&access, &acme.post)).as_deref(), Some("two"));
}

/// The process dies when everybody knows that it is going to write, or when it has written and nobody knows that it has. What
/// another one has read in between must not be kept.
#[test]
fn a_process_that_dies_around_its_commit_leaves_nothing_stale() {
    for (dies_committed, expected) in [(false, "one"), (true, "two")] {
        let installation = Installation::postgres();
        let other = installation.start();
        let acme = other.run(Acme::make(&other));
        until_kept(&other, &acme.access, &acme.post);
        let (steps, reached, let_go) = held_at(&["write announced", "write committed"]);
        let dying = started(&installation.scene.settings.clone().stepping_cache(steps));
        let writer = acme.seen_by(&dying);
        let writing = dying.database.spawn(async move { writer.retitle("two").await });
        reached.recv().unwrap();
        for _ in 0..3 {
            assert_eq!(other.run(title(&acme.access, &acme.post)).as_deref(), Some("one"));
        }
        if dies_committed {
            let_go.send(()).unwrap();
            reached.recv().unwrap();
        }
        writing.abort();
        dying.kill();
        let began = Instant::now();
        // Until the dead one is no longer waited for, and a while longer.
        while began.elapsed() < Duration::from_secs(8) {
            assert_eq!(other.run(title(&acme.access, &acme.post)).as_deref(), Some(expected));
            other.wait(Duration::from_millis(5));
        }
        assert!(other.database.cache().is_usable);
        // What is held must never go on: it would commit.
        std::mem::forget(let_go);
    }
}

/// Two installations on one Redis, with the same names for tenants.
#[test]
fn installations_do_not_take_each_others_answers() {
    let ours = Installation::postgres();
    let theirs = Scene::new(TestDatabase::postgres(), &[("REDIS_URL", &ours.redis.url())]);
    let (here, there) = (ours.start(), started(&theirs.settings));
    let acme = here.run(Acme::make(&here));
    until_kept(&here, &acme.access, &acme.post);
    assert!(here.run(admitted(&here)).is_some());
    assert!(there.run(admitted(&there)).is_none());
}

#[test]
fn what_is_kept_cannot_be_found_by_another_tenant() {
    let installation = Installation::postgres();
    let process = installation.start();
    let acme = process.run(Acme::make(&process));
    until_kept(&process, &acme.access, &acme.post);
    let stranger = super::super::admitted(&process.database, uuid::Uuid::now_v7());
    assert_eq!(process.run(title(&stranger, &acme.post)), None);
}

/// Where the cache is off, it is not read, but the others hear of writes.
#[test]
fn a_process_with_the_cache_off_is_heard() {
    let installation = Installation::postgres();
    let server = installation.start();
    let acme = server.run(Acme::make(&server));
    until_kept(&server, &acme.access, &acme.post);
    let url = installation.redis.url();
    let off = Process::start(&Scene::settings_of(&installation.scene.test, &[("REDIS_URL", &url), ("CACHE", "off")]));
    off.database.tend_cache();
    off.run(acme.seen_by(&off).retitle("two"));
    assert_eq!(server.run(title(&acme.access, &acme.post)).as_deref(), Some("two"));
    assert!(!off.database.cache().is_usable);
}
