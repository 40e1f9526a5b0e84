//! Exports, imports and purges, on both databases and in every model.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::moving::{Scene, is_there};
use super::process::Process;
use crate::Contents;
use crate::entities::operation::{Location, TableSum};
use crate::entities::tenant;
use crate::operations::resume;
use crate::rows::{Rows, tables};
use crate::vocabulary::{Isolation, Limits, Role, TenantStatus};
use crate::{Error, ImportOptions, NewPost, NewTenant, NewUser, TenantName, Transition};

const PATIENCE: Duration = Duration::from_secs(60);

fn anything(_: &crate::ImportedTenant) -> Result<(), String> {
    Ok(())
}

/// A tenant with rows that are hard to write down.
pub(super) async fn inhabited(process: &Process, slug: &str, isolation: Isolation) -> tenant::Model {
    let new = NewTenant {
        id: None,
        slug: slug.to_owned(),
        name: "Acme \"Çorp\"\n".to_owned(),
        isolation,
        datastore: None,
        domains: vec![format!("{slug}.example")],
        limits: Limits { posts: Some(5_000), ..Limits::default() },
        created_at: None,
    };
    let tenant = process.platform().tenant_create(new).await.unwrap();
    let access = process.database.access(tenant.clone()).unwrap();
    let user = |number: usize| NewUser {
        tenant_id: None,
        id: None,
        name: format!("Üser {number}\t\u{1f600}"),
        email: format!("User{number}@Example.com"),
        role: Role::Member,
        created_at: None,
    };
    let users = access.users().insert_many((0..7).map(user).collect()).await.unwrap();
    let post = |number: usize| NewPost {
        user_id: users[number % users.len()].id,
        title: format!("{{\"sum\":\"{number}\"}}"),
        content: (!number.is_multiple_of(3)).then(|| "line\nnext \u{2028} \\ \"quoted\" ".repeat(number % 50)),
        ..NewPost::default()
    };
    access.posts().insert_many((0..1_500).map(post).collect()).await.unwrap();
    tenant
}

async fn sums(process: &Process, tenant: &tenant::Model) -> Vec<TableSum> {
    let place = process.database.place_of(tenant).unwrap();
    let mut sums = Vec::new();
    for table in tables() {
        let rows = Rows::new(tenant.id, &place);
        let bounds = rows.bounds(&table).await.unwrap();
        sums.push(rows.summed(&table, &bounds, None).await.unwrap().total(&table));
    }
    sums
}

async fn exported(process: &Process, tenant: &tenant::Model) -> Vec<u8> {
    exported_with(process, tenant, Contents::Plain).await
}

pub(super) async fn exported_with(process: &Process, tenant: &tenant::Model, contents: Contents) -> Vec<u8> {
    let mut export = process.platform().tenant_export(tenant, contents).await.unwrap();
    let mut lines = Vec::new();
    while let Some(next) = export.next().await.unwrap() {
        lines.extend(next);
    }
    lines
}

pub(super) async fn imported(process: &Process, lines: &[u8], options: ImportOptions) -> Result<tenant::Model, Error> {
    let mut import = process.platform().tenant_import(options, anything);
    // In pieces that end anywhere.
    for piece in lines.chunks(10_007) {
        import.push(piece).await?;
    }
    import.finish().await
}

pub(super) fn to(slug: &str, isolation: Option<Isolation>) -> ImportOptions {
    ImportOptions { slug: Some(slug.to_owned()), isolation, datastore: None, without_domains: true }
}

/// From PostgreSQL to a file and back, through every model: the same rows everywhere.
#[test]
fn a_tenant_goes_to_another_database_and_back() {
    let (postgres_scene, sqlite_scene) = (Scene::postgres(), Scene::sqlite());
    let postgres = Process::start(&postgres_scene.settings);
    let sqlite = Process::start(&sqlite_scene.settings);
    let tenant = postgres.run(inhabited(&postgres, "acme", Isolation::Schema));
    let there = postgres.run(sums(&postgres, &tenant));
    assert_eq!(there[1].rows, 1_500);
    let mut lines = postgres.run(exported(&postgres, &tenant));
    for (process, slug, isolation, becomes) in [
        (&sqlite, "acme-file", Some(Isolation::Database), Isolation::Database),
        (&postgres, "acme-database", Some(Isolation::Database), Isolation::Database),
        (&sqlite, "acme-shared", Some(Isolation::Shared), Isolation::Shared),
        (&postgres, "acme-shared", None, Isolation::Shared),
        (&postgres, "acme-schema", Some(Isolation::Schema), Isolation::Schema),
        (&sqlite, "acme-as-can-be", None, Isolation::Shared),
    ] {
        process.run(async {
            let made = imported(process, &lines, to(slug, isolation)).await.unwrap();
            assert_eq!((made.status, made.isolation, made.slug.as_str()), (TenantStatus::Active, becomes, slug));
            assert_eq!(made.name, tenant.name);
            assert_eq!(sums(process, &made).await, there, "{slug}");
            lines = exported(process, &made).await;
        });
    }
}

/// Everything that could be wrong with the lines, and the line that is named.
#[test]
fn what_was_cut_or_edited_is_refused_and_leaves_nothing() {
    for (scene, isolation) in [(Scene::postgres(), Isolation::Schema), (Scene::sqlite(), Isolation::Database)] {
        let process = Process::start(&scene.settings);
        process.run(async {
            let tenant = inhabited(&process, "acme", isolation).await;
            let text = String::from_utf8(exported(&process, &tenant).await).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            let whole = lines.len() as u64;
            let edited = text.replacen("Üser 3", "Über 3", 1);
            let edited_at = lines.iter().position(|line| line.contains("Üser 3")).unwrap() as u64 + 1;
            let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat().join("\n");
            for (bad, line) in [
                (edited, edited_at),
                (without(0), 1),
                (without(4), 5),
                (without(lines.len() - 1), whole),
                (text[..text.len() / 2].to_owned(), 0),
                (lines[..700].join("\n"), 701),
                (format!("{text}{text}"), whole + 1),
                (String::new(), 1),
                ("{}".to_owned(), 1),
            ] {
                match imported(&process, bad.as_bytes(), to("copy", Some(isolation))).await {
                    Err(Error::BadImport { line: named, why }) => {
                        assert!(line == 0 || named == line, "line {named} and not {line}: {why}");
                    }
                    other => panic!("line {line}: {other:?}"),
                }
                assert!(process.platform().tenant_find(&TenantName::Slug("copy".to_owned())).await.unwrap().is_none());
            }
            let domain = ImportOptions { without_domains: false, ..to("copy", Some(isolation)) };
            let taken = imported(&process, text.as_bytes(), domain).await;
            assert!(matches!(taken, Err(Error::Conflict { field: Some("domains") })), "{taken:?}");
            let taken = imported(&process, text.as_bytes(), to("acme", Some(isolation))).await;
            assert!(matches!(taken, Err(Error::Conflict { field: Some("slug") })), "{taken:?}");
        });
    }
}

#[test]
fn an_import_whose_process_dies_leaves_nothing() {
    for (scene, isolation) in [(Scene::postgres(), Isolation::Schema), (Scene::postgres(), Isolation::Shared)] {
        let other = Process::start(&scene.settings);
        let tenant = other.run(inhabited(&other, "acme", Isolation::Shared));
        let lines = other.run(exported(&other, &tenant));
        let dying = Process::start(&scene.settings);
        let (database, admin) = (dying.database.clone(), dying.admin.clone());
        let half = lines[..lines.len() / 2].to_vec();
        dying.database.spawn(async move {
            let mut import = database.platform(&admin).tenant_import(to("copy", Some(isolation)), anything);
            import.push(&half).await.unwrap();
            std::future::pending::<()>().await;
        });
        let copy = || other.run(other.platform().tenant_find(&TenantName::Slug("copy".to_owned()))).unwrap();
        let began = Instant::now();
        while copy().is_none() {
            assert!(began.elapsed() < PATIENCE, "it does not begin");
            other.wait(Duration::from_millis(20));
        }
        other.wait(Duration::from_millis(200));
        dying.kill();
        let id = copy().map(|tenant| tenant.id).unwrap();
        while copy().is_some() {
            other.run(async {
                crate::platform::finish_provisioning(&other.database, Duration::ZERO).await.unwrap();
                resume(&other.database).await.unwrap();
            });
            assert!(began.elapsed() < PATIENCE, "nobody undoes it");
            other.wait(Duration::from_millis(50));
        }
        let place = Location { isolation, datastore: None };
        assert!(isolation == Isolation::Shared || !other.run(is_there(&other, &place, id)));
        other.run(async { assert_empty(&other, id).await });
    }
}

/// The shared tables hold nothing of the tenant.
async fn assert_empty(process: &Process, tenant: Uuid) {
    for table in tables() {
        assert_eq!(Rows::new(tenant, &process.database.serving).count(&table).await.unwrap(), 0);
    }
}

#[test]
fn a_purge_destroys_everything_and_says_what() {
    for (scene, models) in [
        (Scene::postgres(), &[Isolation::Shared, Isolation::Schema, Isolation::Database][..]),
        (Scene::sqlite(), &[Isolation::Shared, Isolation::Database][..]),
    ] {
        let process = Process::start(&scene.settings);
        for isolation in models {
            process.run(async {
                let slug = format!("acme-{isolation}");
                let tenant = inhabited(&process, &slug, *isolation).await;
                let platform = process.platform();
                let early = platform.tenant_purge(tenant.id).await;
                assert!(matches!(early, Err(Error::NotPossible(_))), "{early:?}");
                platform.tenant_delete(tenant.id).await.unwrap();
                let certificate = platform.tenant_purge(tenant.id).await.unwrap();
                let rows: Vec<_> = certificate.destroyed.iter().map(|it| (it.table.as_str(), it.rows)).collect();
                assert_eq!(rows, [("users", 7), ("posts", 1_500), ("idempotency_keys", 0)]);
                assert!(platform.tenant_find(&TenantName::Id(tenant.id)).await.unwrap().is_none());
                let place = Location { isolation: *isolation, datastore: None };
                assert!(*isolation == Isolation::Shared || !is_there(&process, &place, tenant.id).await);
                assert_empty(&process, tenant.id).await;
                // A write that was admitted before finds that the tenant is gone.
                let late =
                    process.database.access(tenant.clone()).unwrap().users().delete_many(crate::Filter::all()).await;
                assert!(matches!(late, Err(Error::Moving | Error::NoPlace(_) | Error::Unavailable(_))), "{late:?}");
                let taken = inhabited_again(&process, &slug).await;
                assert!(matches!(taken, Err(Error::Conflict { field: Some("slug") })), "{taken:?}");
            });
        }
    }
}

async fn inhabited_again(process: &Process, slug: &str) -> Result<tenant::Model, Error> {
    let new = NewTenant {
        id: None,
        slug: slug.to_owned(),
        name: "Another".to_owned(),
        isolation: Isolation::Shared,
        datastore: None,
        domains: Vec::new(),
        limits: Limits::default(),
        created_at: None,
    };
    process.platform().tenant_create(new).await
}

/// The process that purges dies at every step once. Whatever it left, the tenant cannot be restored, and another one goes on.
#[test]
fn a_purge_that_has_begun_is_not_taken_back() {
    for (scene, isolation) in [(Scene::postgres(), Isolation::Schema), (Scene::sqlite(), Isolation::Shared)] {
        let other = Process::start(&scene.settings);
        let mut steps = Vec::new();
        for step in 0.. {
            let tenant = other.run(inhabited(&other, &format!("acme-{step}"), isolation));
            other.run(other.platform().tenant_delete(tenant.id)).unwrap();
            let dying = Process::dying_at(&scene.settings, step);
            let (database, admin) = (dying.database.clone(), dying.admin.clone());
            let purging = dying.database.spawn(async move { database.platform(&admin).tenant_purge(tenant.id).await });
            let began = Instant::now();
            let died = loop {
                match dying.dies_within(Duration::from_millis(10)) {
                    Some(name) => break Some(name),
                    None if purging.is_finished() => break None,
                    None => assert!(began.elapsed() < PATIENCE, "neither dead nor done"),
                }
            };
            dying.kill();
            let restored = other.run(other.platform().tenant_restore(tenant.id));
            assert!(matches!(restored, Err(Error::NotPossible(_)) | Ok(Transition::Missing)), "{died:?}: {restored:?}");
            let operations = || other.run(crate::operations::running_of(&other.database, tenant.id)).unwrap();
            while operations().is_some() {
                other.run(resume(&other.database)).unwrap();
                assert!(began.elapsed() < PATIENCE, "nobody goes on");
                other.wait(Duration::from_millis(50));
            }
            assert!(other.run(other.platform().tenant_by_id(tenant.id)).unwrap().is_none(), "{died:?}");
            match died {
                Some(name) => steps.push(name),
                None => break,
            }
        }
        assert_eq!(steps, ["purge counted", "purge keys destroyed", "purge destroyed", "purge forgotten"]);
    }
}
