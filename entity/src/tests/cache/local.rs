//! In one process.

use std::time::{Duration, Instant};

use testkit::TestDatabase;

use super::*;
use crate::cache::Area;

#[test]
fn what_was_read_is_read_again_without_a_statement_until_it_is_written_on_sqlite() {
    reads_and_writes(&Scene::new(TestDatabase::sqlite(), &[]));
}

#[test]
fn what_was_read_is_read_again_without_a_statement_until_it_is_written_on_postgres() {
    reads_and_writes(&Scene::new(TestDatabase::postgres(), &[("CACHE", "alone")]));
}

fn reads_and_writes(scene: &Scene) {
    let process = Process::start(&scene.settings);
    let acme = process.run(Acme::make(&process));
    let read = || scene.statements_of(&process, title(&acme.access, &acme.post));
    assert_eq!(read(), (Some("one".to_owned()), 1));
    assert_eq!(read(), (Some("one".to_owned()), 0));
    let list = || {
        let posts = acme.access.posts();
        scene.statements_of(&process, async move { posts.list(Filter::all()).slice(None, 1).await.unwrap().rows.len() })
    };
    assert_eq!(list(), (1, 1));
    assert_eq!(list(), (1, 0));
    process.run(acme.retitle("two"));
    assert_eq!(read(), (Some("two".to_owned()), 1));
    assert_eq!(list(), (1, 1));
    // A transaction reads what is there now, and does not make the others believe it.
    process.run(async {
        let undone = acme.access.transaction(async |transaction| {
            let changes = PostChanges { title: Some("three".to_owned()), ..PostChanges::default() };
            transaction.posts().update(acme.post.id, Filter::all(), changes).await?;
            assert_eq!(transaction.posts().get(acme.post.id).await?.map(|post| post.title), Some("three".to_owned()));
            Err::<(), _>(crate::Error::Busy)
        });
        assert!(undone.await.is_err());
    });
    assert_eq!(read(), (Some("two".to_owned()), 0));
    // Posts go with their user.
    process.run(async { assert!(acme.access.users().delete(acme.user.id, Filter::all()).await.unwrap()) });
    assert_eq!(read(), (None, 1));
    assert_eq!(read(), (None, 0), "that there is nothing is known as well");
    assert_eq!(list().0, 0);
    let counts = process.database.cache().rows;
    assert_eq!((counts.hits, counts.misses, counts.bypasses), (4, 6, 0));
}

#[test]
fn what_is_kept_outlives_writes_that_are_refused_on_sqlite() {
    refused_writes(&Scene::new(TestDatabase::sqlite(), &[]));
}

#[test]
fn what_is_kept_outlives_writes_that_are_refused_on_postgres() {
    refused_writes(&Scene::new(TestDatabase::postgres(), &[("CACHE", "alone")]));
}

fn refused_writes(scene: &Scene) {
    let process = Process::start(&scene.settings);
    let acme = process.run(Acme::make(&process));
    let read = || scene.statements_of(&process, title(&acme.access, &acme.post));
    assert_eq!(read(), (Some("one".to_owned()), 1));
    process.run(acme.be_refused());
    assert_eq!(read(), (Some("one".to_owned()), 0));
    process.run(acme.retitle("two"));
    assert_eq!(read(), (Some("two".to_owned()), 1));
}

#[test]
fn of_many_who_miss_the_same_at_once_one_asks_the_database() {
    let scene = Scene::new(TestDatabase::sqlite(), &[]);
    let process = Process::start(&scene.settings);
    let acme = process.run(Acme::make(&process));
    let (titles, statements) = scene.statements_of(&process, async {
        let mut readers = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (access, post) = (acme.access.clone(), acme.post.clone());
            readers.spawn(async move { title(&access, &post).await });
        }
        readers.join_all().await
    });
    assert_eq!(statements, 1);
    assert!(titles.iter().all(|title| title.as_deref() == Some("one")) && titles.len() == 100);
}

/// The answer was read before the write and comes back after it: it must not be what others read.
#[test]
fn who_comes_back_late_with_an_old_answer_is_the_only_one_who_gets_it() {
    let scene = Scene::new(TestDatabase::sqlite(), &[]);
    let maker = Process::start(&scene.settings);
    let acme = maker.run(Acme::make(&maker));
    let (steps, loaded, let_go) = held_at(&["answer loaded"]);
    let process = Process::start(&scene.settings.clone().stepping_cache(steps));
    let access = process.database.access(acme.access.tenant().clone()).unwrap();
    let post = acme.post.clone();
    let reader = access.clone();
    let reading = process.database.spawn(async move { title(&reader, &post).await });
    loaded.recv().unwrap();
    let writer = Acme { access: access.clone(), user: acme.user.clone(), post: acme.post.clone() };
    process.run(writer.retitle("two"));
    let_go.send(()).unwrap();
    assert_eq!(process.run(reading).unwrap().as_deref(), Some("one"), "it began before the write had ended");
    assert_eq!(process.run(title(&access, &acme.post)).as_deref(), Some("two"));
}

#[test]
fn a_tenant_is_known_until_the_catalog_changes() {
    let scene = Scene::new(TestDatabase::sqlite(), &[("TENANT_CACHE_TTL", "10s")]);
    let process = Process::start(&scene.settings);
    let acme = process.run(Acme::make(&process));
    let id = acme.access.id();
    let find =
        || scene.statements_of(&process, async { admitted(&process).await.map(|it| it.tenant().status.as_str()) });
    assert_eq!(find(), (Some("active"), 0));
    process.run(async { process.platform().tenant_suspend(id).await.unwrap() });
    assert_eq!(find(), (Some("suspended"), 1));
    assert_eq!(find(), (Some("suspended"), 0));
    process.run(async { process.platform().tenant_resume(id).await.unwrap() });
    assert_eq!(find(), (Some("active"), 1));
    let slug = |slug: &str| crate::TenantChanges { slug: Some(slug.to_owned()), ..Default::default() };
    process.run(async { process.platform().tenant_update(id, None, slug("emca")).await.unwrap() });
    assert_eq!(find(), (None, 1));
    assert_eq!(find(), (None, 0), "that it is nobody's name is known as well");
    process.run(async { process.platform().tenant_update(id, None, slug("acme")).await.unwrap() });
    assert_eq!(find(), (Some("active"), 1));
    process.run(async {
        let name = crate::OwnTenantChanges { name: Some("New".to_owned()) };
        acme.access.tenants().update(id, Filter::all(), name).await.unwrap()
    });
    assert_eq!(process.run(admitted(&process)).unwrap().tenant().name, "New");
}

/// Without Redis, another process is not told. What it may not know is gone after `TENANT_CACHE_TTL`.
#[test]
fn another_process_is_behind_for_no_longer_than_it_is_said() {
    let scene = Scene::new(TestDatabase::postgres(), &[("TENANT_CACHE_TTL", "500ms")]);
    let (one, other) = (Process::start(&scene.settings), Process::start(&scene.settings));
    let acme = one.run(Acme::make(&one));
    let there = other.run(admitted(&other)).unwrap();
    assert_eq!(other.run(title(&there, &acme.post)).as_deref(), Some("one"));
    one.run(acme.retitle("two"));
    one.run(async { one.platform().tenant_suspend(acme.access.id()).await.unwrap() });
    let changed = Instant::now();
    loop {
        let status = other.run(admitted(&other)).unwrap().tenant().status;
        let title = other.run(title(&there, &acme.post));
        if status == crate::TenantStatus::Suspended && title.as_deref() == Some("two") {
            break;
        }
        assert!(changed.elapsed() < Duration::from_millis(700), "still {status} and {title:?}");
    }
}

#[test]
fn nothing_is_kept_when_it_is_off() {
    let scene = Scene::new(TestDatabase::sqlite(), &[("CACHE", "off")]);
    let process = Process::start(&scene.settings);
    let acme = process.run(Acme::make(&process));
    for _ in 0..2 {
        assert_eq!(scene.statements_of(&process, title(&acme.access, &acme.post)).1, 1);
        assert_eq!(scene.statements_of(&process, admitted(&process)).1, 1);
    }
}

#[test]
fn which_tenant_a_name_names_can_be_all_that_is_kept() {
    let scene = Scene::new(TestDatabase::postgres(), &[("CACHE", "tenants"), ("TENANT_CACHE_TTL", "10s")]);
    let process = Process::start(&scene.settings);
    let acme = process.run(Acme::make(&process));
    let list = async || acme.access.posts().list(Filter::all()).slice(None, 1).await.unwrap().rows.len();
    for _ in 0..2 {
        assert_eq!(scene.statements_of(&process, admitted(&process)).1, 0);
        assert_eq!(scene.statements_of(&process, title(&acme.access, &acme.post)).1, 1);
        assert_eq!(scene.statements_of(&process, list()).1, 1);
    }
    process.run(process.platform().tenant_suspend(acme.access.id())).unwrap();
    let found = scene.statements_of(&process, admitted(&process));
    assert!(found.0.is_some_and(|access| access.tenant().suspended), "a change is noticed as ever");
    assert_eq!(found.1, 1);
}

/// A write in a place that the tenant has left makes what led there doubtful.
#[test]
fn a_write_in_an_old_place_makes_names_doubtful() {
    let scene = Scene::new(TestDatabase::sqlite(), &[("TENANT_CACHE_TTL", "10s")]);
    let process = Process::start(&scene.settings);
    let acme = process.run(Acme::make(&process));
    let find = || scene.statements_of(&process, admitted(&process)).1;
    assert_eq!(find(), 0);
    let left = format!("INSERT INTO departures (tenant_id) VALUES (x'{}')", acme.access.id().simple());
    process.run(scene.test.execute(&left));
    let refused = process.run(acme.access.users().delete(acme.user.id, Filter::all()));
    assert!(matches!(refused, Err(crate::Error::Moving)), "{refused:?}");
    assert_eq!(find(), 1);
}

/// A commit of which nobody says how it ended is waited for.
#[test]
fn an_area_is_read_past_the_cache_while_it_is_written() {
    let scene = Scene::new(TestDatabase::sqlite(), &[]);
    let process = Process::start(&scene.settings);
    let acme = process.run(Acme::make(&process));
    let read = || scene.statements_of(&process, title(&acme.access, &acme.post)).1;
    assert_eq!((read(), read()), (1, 0));
    let posts = vec![Area::Table { tenant: acme.access.id(), table: "posts" }];
    let writing = process.run(process.database.cache.announce(posts));
    assert_eq!((read(), read()), (1, 1));
    process.run(writing.settle());
    assert_eq!((read(), read()), (1, 0));
}

#[test]
fn statistics_are_told_of_each_look() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&told);
    let scene = Scene::new(TestDatabase::sqlite(), &[]);
    let observer: crate::LookObserver = Arc::new(move |tenant, looked| keep.lock().unwrap().push((tenant, looked)));
    let process = Process::start(&scene.settings.clone().looks_observed_by(observer));
    let acme = process.run(Acme::make(&process));
    process.run(title(&acme.access, &acme.post));
    process.run(title(&acme.access, &acme.post));
    let id = acme.access.id();
    assert_eq!(*told.lock().unwrap(), [(id, crate::Looked::Miss), (id, crate::Looked::Hit)]);
}
