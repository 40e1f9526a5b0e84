//! Which tenant a name names, without Redis: kept for as long as the catalog has not changed.

use std::time::{Duration, Instant};

use testkit::TestDatabase;

use super::*;

/// How far names may be behind in these tests: longer than a machine with much to do stops for.
const BEHIND: Duration = Duration::from_secs(1);

/// A process that asks whether the catalog has changed, and how it finds `acme` once it has asked.
fn tended(settings: &[(&'static str, &str)]) -> (Scene, Process) {
    let ttl = format!("{}ms", BEHIND.as_millis());
    let all = [&[("TENANT_CACHE_TTL", ttl.as_str())], settings].concat();
    let scene = Scene::new(TestDatabase::postgres(), &all);
    let process = Process::start(&scene.settings);
    process.run(Acme::make(&process));
    process.run(async { process.database.tend_cache() });
    assert!(find_for(&process, BEHIND * 2).is_some());
    (scene, process)
}

fn rest(process: &Process, time: Duration) {
    process.run(async { tokio::time::sleep(time).await });
}

/// Finds `acme` again and again, and at last.
fn find_for(process: &Process, time: Duration) -> Option<TenantAccess> {
    let began = Instant::now();
    while began.elapsed() < time {
        process.run(admitted(process));
        rest(process, Duration::from_millis(5));
    }
    process.run(admitted(process))
}

/// How often a tenant was asked for, and how often whether any has changed.
fn asked(scene: &Scene, work: impl FnOnce()) -> (usize, usize) {
    let before = scene.sent.lock().unwrap().len();
    work();
    let sent = scene.sent.lock().unwrap();
    let count = |what: &str| sent[before..].iter().filter(|(sql, _)| sql.contains(what)).count();
    (count("FROM \"tenants\""), count(migration::CHANGES))
}

#[test]
fn a_name_is_asked_for_once_while_the_catalog_does_not_change() {
    for mode in ["on", "tenants"] {
        let (scene, process) = tended(&[("CACHE", mode)]);
        let (names, changes) = asked(&scene, || assert!(find_for(&process, BEHIND * 4).is_some()));
        // Four or five, if each were believed for so long only.
        assert!(names <= 1, "{mode}: {names}");
        assert!((3..=9).contains(&changes), "{mode}: {changes} in {BEHIND:?} times 4");
        rest(&process, BEHIND);
        let (_, changes) = asked(&scene, || rest(&process, BEHIND * 3));
        assert_eq!(changes, 0, "{mode}: nobody looks for a name");
    }
}

#[test]
fn what_others_change_in_the_catalog_is_noticed() {
    let (scene, process) = tended(&[]);
    let other = Process::start(&scene.settings);
    let id = process.run(admitted(&process)).unwrap().id();
    let noticed = |what: &str, is_there: &dyn Fn(Option<TenantAccess>) -> bool| {
        let changed = Instant::now();
        while !is_there(process.run(admitted(&process))) {
            assert!(changed.elapsed() < BEHIND * 10, "{what} is not noticed");
            rest(&process, Duration::from_millis(2));
        }
    };
    other.run(other.platform().tenant_suspend(id)).unwrap();
    noticed("a suspension", &|found| found.unwrap().tenant().suspended);
    // Past Tenantry.
    process.run(scene.test.execute(&format!("UPDATE tenants SET suspended = false WHERE id = '{id}'")));
    noticed("a change by hand", &|found| !found.unwrap().tenant().suspended);
    let slug = crate::TenantChanges { slug: Some("emca".to_owned()), ..Default::default() };
    other.run(other.platform().tenant_update(id, None, slug)).unwrap();
    noticed("a new slug", &|found| found.is_none());
}

#[test]
fn without_an_answer_a_name_is_asked_for_as_often_as_it_may_be_behind() {
    let (scene, process) = tended(&[]);
    process.run(scene.test.execute(&format!("ALTER TABLE {} RENAME TO away", migration::CHANGES)));
    find_for(&process, BEHIND);
    let (names, changes) = asked(&scene, || assert!(find_for(&process, BEHIND * 4).is_some()));
    assert!((2..=5).contains(&names) && changes >= 2, "{names}, {changes}");
}
