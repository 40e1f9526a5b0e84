//! A Redis that is not the one of before: started again with an old snapshot, or a replica that takes over.

use std::time::{Duration, Instant};

use testkit::TestRedis;

use super::cable::Cable;
use super::shared::{Installation, started, until_kept, usable};
use super::*;

/// Everything of the snapshot says that the old title is the newest.
#[test]
fn an_old_snapshot_brings_no_old_answer_back() {
    let mut installation = Installation::postgres();
    let process = installation.start();
    let acme = process.run(Acme::make(&process));
    assert_eq!(until_kept(&process, &acme.access, &acme.post).as_deref(), Some("one"));
    installation.redis.save();
    process.run(acme.retitle("two"));
    installation.redis.kill();
    installation.redis.start_again();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(4) {
        assert_eq!(process.run(title(&acme.access, &acme.post)).as_deref(), Some("two"));
    }
    assert_eq!(until_kept(&process, &acme.access, &acme.post).as_deref(), Some("two"));
}

/// Nobody is left who noticed that the server had ended.
#[test]
fn an_old_snapshot_is_not_believed_by_a_process_that_starts() {
    let mut installation = Installation::postgres();
    let process = installation.start();
    let acme = process.run(Acme::make(&process));
    assert_eq!(until_kept(&process, &acme.access, &acme.post).as_deref(), Some("one"));
    installation.redis.save();
    process.run(acme.retitle("two"));
    process.run(process.database.leave_cache());
    drop(process);
    installation.redis.kill();
    installation.redis.start_again();
    let process = installation.start();
    let access = process.database.access(acme.access.tenant().clone()).unwrap();
    assert_eq!(process.run(title(&access, &acme.post)).as_deref(), Some("two"));
}

/// The server that a write was announced to is gone when it is committed, and the other process uses the next one already.
#[test]
fn a_write_that_outlives_the_server_that_heard_of_it_is_seen() {
    let mut installation = Installation::postgres();
    let other = installation.start();
    let acme = other.run(Acme::make(&other));
    let (steps, announced, let_go) = held_at(&["write announced"]);
    let writing = started(&installation.scene.settings.clone().stepping_cache(steps));
    let writer = acme.seen_by(&writing);
    let write = writing.database.spawn(async move { writer.retitle("two").await });
    announced.recv().unwrap();
    installation.redis.kill();
    other.wait(Duration::from_millis(500));
    installation.redis.start_again();
    [&other, &writing].into_iter().for_each(usable);
    assert_eq!(until_kept(&other, &acme.access, &acme.post).as_deref(), Some("one"));
    let_go.send(()).unwrap();
    writing.run(write).unwrap();
    assert_eq!(other.run(title(&acme.access, &acme.post)).as_deref(), Some("two"));
}

/// A replica that has what the first one had takes over.
#[test]
fn a_replica_that_takes_over_is_used_when_all_are_there() {
    let installation = Installation::postgres();
    let replica = TestRedis::start();
    replica.follow(&installation.redis);
    taken_over(installation, &replica);
}

/// The same with a server that was there for long, and has nothing yet.
#[test]
fn an_empty_server_that_takes_over_is_used_when_all_are_there() {
    let replica = TestRedis::start();
    let installation = Installation::postgres();
    let process = installation.start();
    process.wait(Duration::from_secs(4));
    drop(process);
    taken_over(installation, &replica);
}

/// One process is there at once, the other one a second later.
fn taken_over(mut installation: Installation, replica: &TestRedis) {
    let other = installation.start();
    let acme = other.run(Acme::make(&other));
    drop(other);
    let plug = |process: &str| Cable::plugged_into(process.to_owned());
    let runtime = Process::start(&installation.scene.settings);
    let address = installation.redis.address();
    let cables = [runtime.run(plug(&address)), runtime.run(plug(&address))];
    let processes = cables
        .each_ref()
        .map(|cable| started(&Scene::settings_of(&installation.scene.test, &[("REDIS_URL", &cable.url)])));
    processes.iter().for_each(usable);
    let [here, there] = processes.each_ref().map(|process| acme.seen_by(process));
    assert_eq!(until_kept(&processes[0], &here.access, &acme.post).as_deref(), Some("one"));
    installation.redis.kill();
    replica.take_over();
    cables[0].plug_into(replica.address());
    let began = Instant::now();
    let mut written = "one".to_owned();
    while began.elapsed() < Duration::from_secs(1) {
        assert_eq!(processes[0].run(title(&here.access, &acme.post)).as_deref(), Some(&*written));
        written = format!("after {:?}", began.elapsed());
        processes[1].run(there.retitle(&written));
    }
    cables[1].plug_into(replica.address());
    processes.iter().for_each(usable);
    assert_eq!(processes[0].run(title(&here.access, &acme.post)).as_deref(), Some(&*written));
}
