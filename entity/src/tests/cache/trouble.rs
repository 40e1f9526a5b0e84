//! Redis goes away, stops to answer and comes back with what it had, while tenants are read and written.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

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

/// The same step by step: everything of the snapshot says that the old title is the newest.
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
    process.run(process.database.leave_shared_cache());
    drop(process);
    installation.redis.kill();
    installation.redis.start_again();
    let process = installation.start();
    let access = process.database.access(acme.access.tenant().clone()).unwrap();
    assert_eq!(process.run(title(&access, &acme.post)).as_deref(), Some("two"));
}

#[test]
fn a_frozen_redis_costs_one_wait_and_not_one_each() {
    let installation = Installation::postgres();
    let process = installation.start();
    let acme = process.run(Acme::make(&process));
    until_kept(&process, &acme.access, &acme.post);
    installation.redis.freeze();
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(process.run(title(&acme.access, &acme.post)).as_deref(), Some("one"));
    }
    assert!(began.elapsed() < Duration::from_secs(2), "20 reads took {:?}", began.elapsed());
    let began = Instant::now();
    for _ in 0..10 {
        process.run(acme.retitle("two"));
    }
    assert!(began.elapsed() < Duration::from_secs(4), "10 writes took {:?}", began.elapsed());
    installation.redis.thaw();
    usable(&process);
    assert_eq!(process.run(title(&acme.access, &acme.post)).as_deref(), Some("two"));
}

#[test]
fn a_server_that_starts_without_redis_serves() {
    let mut installation = Installation::postgres();
    installation.redis.kill();
    let process = Process::start(&installation.scene.settings);
    process.database.use_shared_cache();
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
    let access = alone.database.access(acme.access.tenant().clone()).unwrap();
    let writer = Acme { access, user: acme.user.clone(), post: acme.post.clone() };
    cable.cut.store(true, Ordering::SeqCst);
    // Until it is: a write that is announced and never settled would make the other one read past the cache.
    other.wait(Duration::from_millis(40));
    for round in 0..20 {
        let new = format!("round {round}");
        alone.run(writer.retitle(&new));
        assert_eq!(other.run(title(&acme.access, &acme.post)).as_deref(), Some(&*new));
        other.wait(Duration::from_millis(50));
    }
    cable.cut.store(false, Ordering::SeqCst);
    usable(&alone);
    usable(&other);
    alone.run(writer.retitle("last"));
    assert_eq!(other.run(title(&acme.access, &acme.post)).as_deref(), Some("last"));
}

/// The cable between one process and Redis. While it is cut, connections end and new ones come to nothing.
struct Cable {
    url: String,
    cut: Arc<AtomicBool>,
}

impl Cable {
    async fn plugged_into(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}/", listener.local_addr().unwrap());
        let cut = Arc::new(AtomicBool::new(false));
        let is_cut = Arc::clone(&cut);
        tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                if let Ok(Ok((mut near, _))) = tokio::time::timeout(Duration::from_millis(20), listener.accept()).await
                {
                    let server = server.clone();
                    connections.spawn(async move {
                        let mut far = TcpStream::connect(server).await.unwrap();
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    });
                }
                if is_cut.load(Ordering::SeqCst) {
                    connections.shutdown().await;
                }
            }
        });
        Self { url, cut }
    }
}
