//! Redis goes away, stops to answer and comes back with what it had, while tenants are read and written.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use testkit::TestRedis;

use super::cable::Cable;
use super::shared::{Installation, started, until_kept, usable};
use super::*;

/// Reads and writes one post in several processes, all the time. What was acknowledged must be read from then on, and nothing fails.
struct Load {
    stop: Arc<AtomicBool>,
    workers: Vec<tokio::task::JoinHandle<(u64, Vec<String>)>>,
}

impl Load {
    fn on(processes: &[Process], acme: &Acme) -> Self {
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(1)));
        let mut workers = Vec::new();
        for process in processes {
            let access = process.database.access(acme.access.tenant().clone()).unwrap();
            for is_writer in [true, false, false, false] {
                let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
                let (access, id) = (access.clone(), acme.post.id);
                let work = async move {
                    let (mut done, mut wrong) = (0, Vec::new());
                    while !stop.load(Ordering::Relaxed) {
                        let floor = acknowledged.load(Ordering::SeqCst);
                        let answer = if is_writer {
                            let changes = PostChanges { title: Some(format!("{done}")), ..PostChanges::default() };
                            access.posts().update(id, Filter::all(), changes).await
                        } else {
                            access.posts().get(id).await
                        };
                        match answer {
                            Ok(Some(post)) if is_writer => {
                                acknowledged.fetch_max(post.version, Ordering::SeqCst);
                                tokio::time::sleep(Duration::from_millis(20)).await;
                            }
                            Ok(Some(post)) if post.version >= floor => {}
                            Ok(Some(post)) => wrong.push(format!("version {} after {floor}", post.version)),
                            other => wrong.push(format!("{other:?}")),
                        }
                        done += 1;
                        tokio::task::yield_now().await;
                    }
                    (done, wrong)
                };
                workers.push(process.database.spawn(work));
            }
        }
        Self { stop, workers }
    }

    /// Ends it, and tells how much was done.
    fn end(self, process: &Process) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = 0;
        for worker in self.workers {
            let (done, wrong) = process.run(worker).unwrap();
            assert!(wrong.is_empty(), "{} of {done} went wrong: {:?}", wrong.len(), &wrong[..wrong.len().min(5)]);
            all += done;
        }
        all
    }
}

fn under_load(trouble: impl FnOnce(&mut Installation, &[Process])) {
    let mut installation = Installation::postgres();
    let processes = [installation.start(), installation.start()];
    processes.iter().for_each(usable);
    let acme = processes[0].run(Acme::make(&processes[0]));
    let load = Load::on(&processes, &acme);
    processes[0].wait(Duration::from_millis(300));
    trouble(&mut installation, &processes);
    processes.iter().for_each(usable);
    processes[0].wait(Duration::from_millis(500));
    assert!(load.end(&processes[0]) > 100);
    // And the cache is of use again.
    until_kept(&processes[0], &acme.access, &acme.post);
}

#[test]
fn a_redis_that_is_killed_and_comes_back_empty_is_not_noticed() {
    under_load(|installation, processes| {
        for _ in 0..2 {
            installation.redis.kill();
            processes[0].wait(Duration::from_millis(1_500));
            installation.redis.start_again();
            processes[0].wait(Duration::from_millis(2_500));
        }
    });
}

#[test]
fn a_redis_that_is_frozen_is_not_noticed() {
    under_load(|installation, processes| {
        for pause in [150, 400, 1_500, 6_000] {
            installation.redis.freeze();
            processes[0].wait(Duration::from_millis(pause));
            installation.redis.thaw();
            processes[0].wait(Duration::from_millis(1_500));
        }
    });
}

#[test]
fn a_redis_that_comes_back_with_what_it_had_long_ago_is_not_believed() {
    under_load(|installation, processes| {
        for _ in 0..3 {
            installation.redis.save();
            processes[0].wait(Duration::from_millis(300));
            installation.redis.kill();
            installation.redis.start_again();
            processes[0].wait(Duration::from_millis(2_500));
        }
    });
}

#[test]
fn a_frozen_redis_costs_one_wait_and_not_one_each() {
    costs_one_wait(TestRedis::freeze, TestRedis::thaw);
}

/// It answers, but takes nothing: its memory is full.
#[test]
fn a_full_redis_costs_one_wait_and_not_one_each() {
    let limited = |redis: &TestRedis, bytes| redis.tell(&format!("CONFIG SET maxmemory {bytes}"));
    costs_one_wait(|redis| limited(redis, 1), |redis| limited(redis, 0));
}

fn costs_one_wait(stop: impl Fn(&TestRedis), go_on: impl Fn(&TestRedis)) {
    let installation = Installation::postgres();
    let process = installation.start();
    let acme = process.run(Acme::make(&process));
    let url = installation.redis.url();
    let off = Process::start(&Scene::settings_of(&installation.scene.test, &[("REDIS_URL", &url), ("CACHE", "off")]));
    off.database.tend_cache();
    let past_it = acme.seen_by(&off);
    off.run(past_it.retitle("one"));
    until_kept(&process, &acme.access, &acme.post);
    stop(&installation.redis);
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(process.run(title(&acme.access, &acme.post)).as_deref(), Some("one"));
    }
    assert!(began.elapsed() < Duration::from_secs(2), "20 reads took {:?}", began.elapsed());
    for (process, writer) in [(&process, &acme), (&off, &past_it)] {
        let began = Instant::now();
        for _ in 0..10 {
            process.run(writer.retitle("two"));
        }
        assert!(began.elapsed() < Duration::from_secs(4), "10 writes took {:?}", began.elapsed());
    }
    go_on(&installation.redis);
    usable(&process);
    assert_eq!(process.run(title(&acme.access, &acme.post)).as_deref(), Some("two"));
}

/// Nobody heard of a write, and nobody knows whether it was committed: it may be, for as long as that may take.
#[test]
fn a_process_does_not_come_back_while_an_unheard_write_may_still_be_committed() {
    let installation = Installation::postgres();
    let maker = Process::start(&installation.scene.settings);
    let acme = maker.run(Acme::make(&maker));
    let url = installation.redis.url();
    let short = [("REDIS_URL", &*url), ("STATEMENT_TIMEOUT", "1s")];
    let dying = Steps::told(Arc::new(|step| step != "write announced"));
    let process = started(&Scene::settings_of(&installation.scene.test, &short).stepping_cache(dying));
    let writer = acme.seen_by(&process);
    installation.redis.freeze();
    let write = process.run(async { tokio::time::timeout(Duration::from_secs(3), writer.retitle("two")).await });
    assert!(write.is_err(), "it ends before its COMMIT");
    installation.redis.thaw();
    let began = Instant::now();
    usable(&process);
    assert!(began.elapsed() > Duration::from_secs(2), "it came back after {:?}", began.elapsed());
}

#[test]
fn a_server_that_starts_without_redis_serves() {
    let mut installation = Installation::postgres();
    installation.redis.kill();
    let process = Process::start(&installation.scene.settings);
    process.database.tend_cache();
    let acme = process.run(Acme::make(&process));
    process.run(acme.retitle("two"));
    assert_eq!(process.run(title(&acme.access, &acme.post)).as_deref(), Some("two"));
    installation.redis.start_again();
    usable(&process);
    assert_eq!(until_kept(&process, &acme.access, &acme.post).as_deref(), Some("two"));
}

/// One process is cut off from Redis, the other is not and goes on to use it.
#[test]
fn who_is_cut_off_alone_is_missed_by_the_others() {
    let installation = Installation::postgres();
    let other = installation.start();
    let acme = other.run(Acme::make(&other));
    let cable = other.run(Cable::plugged_into(installation.redis.address()));
    let settings = Scene::settings_of(&installation.scene.test, &[("REDIS_URL", &cable.url)]);
    let alone = started(&settings);
    usable(&other);
    assert_eq!(until_kept(&other, &acme.access, &acme.post).as_deref(), Some("one"));
    let writer = acme.seen_by(&alone);
    cable.cut();
    // Until it is: a write that is announced and never settled would make the other one read past the cache.
    other.wait(Duration::from_millis(40));
    for round in 0..20 {
        let new = format!("round {round}");
        alone.run(writer.retitle(&new));
        assert_eq!(other.run(title(&acme.access, &acme.post)).as_deref(), Some(&*new));
        other.wait(Duration::from_millis(50));
    }
    cable.plug_into(installation.redis.address());
    usable(&alone);
    usable(&other);
    alone.run(writer.retitle("last"));
    assert_eq!(other.run(title(&acme.access, &acme.post)).as_deref(), Some("last"));
}
