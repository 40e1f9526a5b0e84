//! Making a tenant's place survives the process that makes it, at every step: another one finishes it, or there is nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use migration::TENANT;
use uuid::Uuid;

use super::moving::{Scene, is_there};
use super::process::Process;
use crate::entities::operation::Location;
use crate::entities::tenant;
use crate::owner::{Owner, Site};
use crate::place::Spot;
use crate::platform::finish_provisioning;
use crate::vocabulary::{Isolation, Limits, Role, TenantStatus};
use crate::{Error, Filter, NewTenant, NewUser, TenantName, Transition};

const PATIENCE: Duration = Duration::from_secs(60);

fn new(slug: &str, isolation: Isolation, datastore: Option<&str>) -> NewTenant {
    NewTenant {
        id: None,
        slug: slug.to_owned(),
        name: "New".to_owned(),
        isolation,
        datastore: datastore.map(str::to_owned),
        domains: vec![format!("{slug}.example")],
        limits: Limits::default(),
        created_at: None,
    }
}

async fn find(process: &Process, slug: &str) -> Option<tenant::Model> {
    process.platform().tenant_find(&TenantName::Slug(slug.to_owned())).await.unwrap()
}

/// The tenant is whole: it is active, its place is there, and it can be worked in.
async fn assert_served(process: &Process, slug: &str) {
    let tenant = find(process, slug).await.expect("the tenant is there");
    assert_eq!(tenant.status, TenantStatus::Active);
    let place = Location { isolation: tenant.isolation, datastore: tenant.datastore.clone() };
    assert!(is_there(process, &place, tenant.id).await);
    let access = process.database.access(tenant).unwrap();
    let (name, email) = ("A".to_owned(), "a@example.com".to_owned());
    access
        .users()
        .insert(NewUser { tenant_id: None, id: None, name, email, role: Role::Admin, created_at: None })
        .await
        .unwrap();
    assert_eq!(access.users().count(Filter::all()).await.unwrap(), 1);
}

/// Goes on with what was left until the tenant is served: the lock of the dead is free once its connection is gone.
fn gone_on_with(other: &Process, slug: &str, isolation: Isolation, by_request: bool) {
    let began = Instant::now();
    loop {
        let served = other.run(async {
            if by_request {
                let made = other.platform().tenant_create(new(slug, isolation, None)).await;
                assert!(matches!(made, Ok(_) | Err(Error::Busy | Error::Conflict { .. })), "{made:?}");
            } else {
                finish_provisioning(&other.database, Duration::ZERO).await.unwrap();
            }
            find(other, slug).await.is_some_and(|tenant| tenant.status == TenantStatus::Active)
        });
        if served {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "nobody goes on with {slug}");
        other.wait(Duration::from_millis(50));
    }
}

/// Kills the maker at each step once. `again` goes on in another process: by a second request or by looking after what was left.
fn killed_at_every_step(scene: &Scene, isolation: Isolation, by_request: bool) {
    let other = Process::start(&scene.settings);
    let mut steps = Vec::new();
    for step in 0.. {
        let slug = format!("t{step}-{}-{}", isolation.as_str(), if by_request { "r" } else { "c" });
        let maker = Process::dying_at(&scene.settings, step);
        let (database, admin, wanted) = (maker.database.clone(), maker.admin.clone(), new(&slug, isolation, None));
        let making = maker.database.spawn(async move { database.platform(&admin).tenant_create(wanted).await });
        let began = Instant::now();
        let died = loop {
            match maker.dies_within(Duration::from_millis(10)) {
                Some(name) => break Some(name),
                None if making.is_finished() => break None,
                None => assert!(began.elapsed() < PATIENCE, "neither dead nor done"),
            }
        };
        maker.kill();
        let was_entered = other.run(find(&other, &slug)).is_some();
        if by_request || was_entered {
            gone_on_with(&other, &slug, isolation, by_request);
            other.run(assert_served(&other, &slug));
        } else {
            assert_eq!(died.as_deref(), Some("nothing entered"));
        }
        match died {
            Some(name) => steps.push(name),
            None => break,
        }
    }
    for step in ["nothing entered", "tenant entered", "place made", "place checked", "tenant served"] {
        assert!(steps.iter().any(|name| name == step), "never killed at {step}: {steps:?}");
    }
}

#[test]
fn a_schema_is_made_whole_or_not_at_all() {
    let scene = Scene::postgres();
    killed_at_every_step(&scene, Isolation::Schema, true);
    killed_at_every_step(&scene, Isolation::Schema, false);
}

#[test]
fn a_database_is_made_whole_or_not_at_all() {
    let scene = Scene::postgres();
    killed_at_every_step(&scene, Isolation::Database, true);
    killed_at_every_step(&scene, Isolation::Database, false);
}

#[test]
fn a_file_is_made_whole_or_not_at_all() {
    let scene = Scene::sqlite();
    killed_at_every_step(&scene, Isolation::Database, true);
    killed_at_every_step(&scene, Isolation::Database, false);
}

/// A tenant on a server that nobody listens on is not served.
#[test]
fn a_server_that_is_away_gets_no_tenant() {
    let scene = Scene::postgres_with("nowhere=postgres://127.0.0.1:1/none");
    let process = Process::start(&scene.settings);
    process.run(async {
        for isolation in [Isolation::Schema, Isolation::Database, Isolation::Shared] {
            let slug = isolation.as_str();
            let made = process.platform().tenant_create(new(slug, isolation, Some("nowhere"))).await;
            assert!(matches!(made, Err(Error::Unavailable(_))), "{made:?}");
            // Its place may be half made on a server that is away: the tenant stays, to be gone on with or to be purged.
            let left = find(&process, slug).await.expect("nobody knows what is on that server");
            assert_eq!(left.status, TenantStatus::Provisioning);
        }
    });
}

/// A role that may not make databases is told so; afterwards there is no such tenant, and its names are free.
#[test]
fn a_place_that_cannot_be_made_leaves_nothing() {
    let scene = Scene::postgres_owned_by_a_role_without_createdb();
    let process = Process::start(&scene.settings);
    process.run(async {
        let made = process.platform().tenant_create(new("acme", Isolation::Database, None)).await;
        assert!(matches!(&made, Err(Error::NotPossible(why)) if why.contains("CREATEDB")), "{made:?}");
        assert!(find(&process, "acme").await.is_none());
        process.platform().tenant_create(new("acme", Isolation::Shared, None)).await.unwrap();
    });
}

/// A process that died may have left the server at making a database: whoever goes on finds it there.
#[test]
fn a_database_that_is_being_made_already_is_taken() {
    let scene = Scene::postgres();
    let process = Process::start(&scene.settings);
    process.run(async {
        for round in 0..5 {
            let (database, id) = (&process.database, Uuid::now_v7());
            let store = Arc::clone(&database.settings.home);
            let make = async || Site::new(database, Arc::clone(&store), Spot::Database(id));
            let mut owners = [Owner::at(database, &store).await.unwrap(), Owner::at(database, &store).await.unwrap()];
            let [first, second] = &mut owners;
            let create = format!("CREATE DATABASE tenant_{} TEMPLATE template0", id.simple());
            let left = first.run(&create);
            let site = make().await;
            let (left, raised) = tokio::join!(left, site.raise(second));
            assert!(left.is_ok() || matches!(left, Err(Error::Conflict { .. } | Error::Internal(_))), "{left:?}");
            assert_eq!(raised.unwrap(), TENANT.newest(), "round {round}");
        }
    });
}

/// A tenant that was deleted while it was being provisioned has no place: restored, it is gone on with.
#[test]
fn a_tenant_that_is_restored_half_made_is_made() {
    let scene = Scene::postgres_with("nowhere=postgres://127.0.0.1:1/none");
    let process = Process::start(&scene.settings);
    process.run(async {
        let platform = process.platform();
        platform.tenant_create(new("acme", Isolation::Schema, Some("nowhere"))).await.unwrap_err();
        let id = find(&process, "acme").await.unwrap().id;
        assert!(matches!(platform.tenant_delete(id).await.unwrap(), Transition::Done(_)));
        let Transition::Done(restored) = platform.tenant_restore(id).await.unwrap() else { panic!("not restored") };
        assert_eq!(restored.status, TenantStatus::Provisioning);
    });
}
