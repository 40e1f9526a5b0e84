//! Moves between every pair of places, under load, with processes that die at every step: every acknowledged write is there
//! afterwards, exactly once, and the tenant is in one place only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use testkit::TestDatabase;
use uuid::Uuid;

use super::process::{Process, hasty};
use crate::entities::operation::Location;
use crate::operations::resume;
use crate::owner::{Owner, Site};
use crate::place::Spot;
use crate::session::TenantAccess;
use crate::settings::DatabaseSettings;
use crate::vocabulary::{Isolation, Limits, Role, WorkState};
use crate::{Error, Filter, NewPost, NewTenant, NewUser, Operation, PostChanges, TenantName};

/// How long a move of a few rows may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// PostgreSQL with a further server; or a file.
pub(super) struct Scene {
    pub(super) settings: DatabaseSettings,
    _home: TestDatabase,
    _east: Option<TestDatabase>,
}

impl Scene {
    pub(super) fn postgres() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (home, east) =
            runtime.block_on(async { (TestDatabase::postgres().await, TestDatabase::postgres_elsewhere().await) });
        let mut variables = home.variables();
        let there = east.variables().into_iter().find(|(name, _)| *name == "DATABASE_OWNER_URL").unwrap().1;
        variables.push(("DATASTORES", format!("east={there}")));
        Self { settings: hasty(&variables), _home: home, _east: Some(east) }
    }

    /// PostgreSQL with these further servers.
    pub(super) fn postgres_with(datastores: &str) -> Self {
        let home = tokio::runtime::Runtime::new().unwrap().block_on(TestDatabase::postgres());
        let mut variables = home.variables();
        variables.push(("DATASTORES", datastores.to_owned()));
        Self { settings: hasty(&variables), _home: home, _east: None }
    }

    /// PostgreSQL whose tables are owned by somebody who may not make databases: the platform's role will do.
    pub(super) fn postgres_owned_by_a_role_without_createdb() -> Self {
        let home = tokio::runtime::Runtime::new().unwrap().block_on(TestDatabase::postgres());
        let mut variables = home.variables();
        let platform = variables.iter().find(|(name, _)| *name == "DATABASE_PLATFORM_URL").unwrap().1.clone();
        variables.retain(|(name, _)| *name != "DATABASE_OWNER_URL");
        variables.push(("DATABASE_OWNER_URL", platform));
        Self { settings: hasty(&variables), _home: home, _east: None }
    }

    pub(super) fn sqlite() -> Self {
        let home = tokio::runtime::Runtime::new().unwrap().block_on(TestDatabase::sqlite());
        Self { settings: hasty(&home.variables()), _home: home, _east: None }
    }
}

fn at(isolation: Isolation, datastore: Option<&str>) -> Location {
    Location { isolation, datastore: datastore.map(str::to_owned) }
}

fn new_tenant(place: &Location) -> NewTenant {
    NewTenant {
        id: None,
        slug: format!("t{}", Uuid::now_v7().simple()),
        name: "Mover".to_owned(),
        isolation: place.isolation,
        datastore: place.datastore.clone(),
        domains: Vec::new(),
        limits: Limits::default(),
        created_at: None,
    }
}

fn post(user_id: Uuid, title: String) -> NewPost {
    NewPost { user_id, title, content: Some("x".repeat(500)), ..NewPost::default() }
}

/// A tenant with rows, and what it has been told is in them.
struct World {
    tenant: Uuid,
    author: Uuid,
    /// Title and version of each post whose write was acknowledged.
    posts: BTreeMap<Uuid, (String, i64)>,
}

impl World {
    async fn new(process: &Process, place: &Location) -> Self {
        let tenant = process.platform().tenant_create(new_tenant(place)).await.unwrap().id;
        let access = admitted(process, tenant).await;
        let (name, email) = ("A".to_owned(), "a@example.com".to_owned());
        let new = NewUser { tenant_id: None, id: None, name, email, role: Role::Member, created_at: None };
        let author = access.users().insert(new).await.unwrap().id;
        let new = (0..300).map(|number| post(author, format!("post {number}"))).collect();
        let posts = access.posts().insert_many(new).await.unwrap();
        Self { tenant, author, posts: posts.into_iter().map(|post| (post.id, (post.title, post.version))).collect() }
    }

    /// Everything that was acknowledged is there, nothing else, and once.
    async fn check(&self, process: &Process) {
        let access = admitted(process, self.tenant).await;
        let mut found = BTreeMap::new();
        let mut after = None;
        loop {
            let slice = access.posts().list(Filter::all()).slice(after, 100).await.unwrap();
            found.extend(slice.rows.into_iter().map(|post| (post.id, (post.title, post.version))));
            after = slice.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found.len() as u64, access.posts().count(Filter::all()).await.unwrap());
        let lost: Vec<_> = self.posts.iter().filter(|(id, post)| found.get(id) != Some(post)).collect();
        let surplus: Vec<_> = found.iter().filter(|(id, _)| !self.posts.contains_key(id)).collect();
        assert!(lost.is_empty() && surplus.is_empty(), "lost {lost:?}, surplus {surplus:?}");
        assert_eq!(access.users().count(Filter::all()).await.unwrap(), 1);
    }

    /// Writes until it is told to stop, as requests do: admitted each time, and again when the tenant is being moved. Checks
    /// on the way that what is acknowledged can be read.
    async fn work(mut self, process: Arc<Process>, stop: Arc<AtomicBool>) -> (Self, Duration) {
        let (mut number, mut longest) = (0_u64, Duration::ZERO);
        while !stop.load(Ordering::Relaxed) {
            number += 1;
            let began = Instant::now();
            while let Err(error) = self.write(&process, number).await {
                let held = matches!(error, Error::Moving | Error::Busy | Error::Unavailable(_) | Error::NoPlace(_));
                assert!(held, "a write failed: {error}");
                assert!(began.elapsed() < PATIENCE, "writes are held for ever");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            longest = longest.max(began.elapsed());
            let access = admitted(&process, self.tenant).await;
            let (id, expected) = self.posts.iter().next_back().unwrap();
            let read = access.posts().get(*id).await.unwrap().map(|post| (post.title, post.version));
            assert_eq!(read.as_ref(), Some(expected), "an acknowledged write can be read");
        }
        (self, longest)
    }

    /// One write, which either was acknowledged and is noted, or did not happen.
    async fn write(&mut self, process: &Process, number: u64) -> Result<(), Error> {
        let access = admitted(process, self.tenant).await;
        let posts = access.posts();
        let id = *self.posts.keys().nth(usize::try_from(number * 7919).unwrap() % self.posts.len()).unwrap();
        match number % 4 {
            0 => {
                let changes = PostChanges { title: Some(format!("changed {number}")), ..PostChanges::default() };
                let changed = posts.update(id, Filter::all(), changes).await?.expect("the post is there");
                self.posts.insert(id, (changed.title, changed.version));
            }
            1 if self.posts.len() > 50 => {
                assert!(posts.delete(id, Filter::all()).await?, "the post was there");
                self.posts.remove(&id);
            }
            _ => {
                let made = posts.insert(post(self.author, format!("new {number}"))).await?;
                self.posts.insert(made.id, (made.title, made.version));
            }
        }
        Ok(())
    }
}

async fn admitted(process: &Process, tenant: Uuid) -> TenantAccess {
    let located = process.gatekeeper.find(&[TenantName::Id(tenant)]).await.unwrap();
    process.gatekeeper.admit(located[0].clone()).unwrap()
}

async fn ended(process: &Process, id: Uuid) -> Operation {
    let began = Instant::now();
    loop {
        let operation = process.platform().operation_find(id).await.unwrap().unwrap();
        if operation.state != WorkState::Running {
            return operation;
        }
        assert!(began.elapsed() < PATIENCE, "a move does not end: {operation:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether the place of the tenant's own is there.
pub(super) async fn is_there(process: &Process, place: &Location, tenant: Uuid) -> bool {
    let store = process.database.store(place.datastore.as_deref()).unwrap();
    let site = Site::new(&process.database, Arc::clone(&store), Spot::of(place.isolation, tenant));
    site.exists(&mut Owner::at(&process.database, &store).await.unwrap()).await.unwrap()
}

/// The tenant has nothing in this place any more.
async fn assert_left(process: &Process, place: &Location, tenant: Uuid) {
    if place.isolation != Isolation::Shared {
        assert!(!is_there(process, place, tenant).await, "{place:?} is still there");
        return;
    }
    let store = process.database.store(place.datastore.as_deref()).unwrap();
    let shared = process.database.place(&store, Spot::Shared);
    let rows = crate::rows::Rows::new(tenant, &shared);
    for table in crate::rows::tables() {
        assert_eq!(rows.count(&table).await.unwrap(), 0, "rows are left in {place:?}");
    }
}

fn postgres_places() -> Vec<Location> {
    vec![
        at(Isolation::Shared, None),
        at(Isolation::Schema, None),
        at(Isolation::Database, None),
        at(Isolation::Shared, Some("east")),
        at(Isolation::Schema, Some("east")),
        at(Isolation::Database, Some("east")),
    ]
}

/// Every pair once, as one walk through all places.
fn walk(places: &[Location]) -> Vec<(Location, Location)> {
    let pairs = places.iter().flat_map(|from| places.iter().map(move |to| (from.clone(), to.clone())));
    pairs.filter(|(from, to)| from != to).collect()
}

/// Moves one tenant between every pair of places while it writes.
fn every_pair_under_load(scene: &Scene, places: &[Location]) {
    let process = Arc::new(Process::start(&scene.settings));
    for (from, to) in walk(places) {
        let world = process.run(World::new(&process, &from));
        let (tenant, stop) = (world.tenant, Arc::new(AtomicBool::new(false)));
        let working = process.database.spawn(world.work(Arc::clone(&process), Arc::clone(&stop)));
        let outcome = process.run(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let operation = process.platform().tenant_move(tenant, to.clone()).await.unwrap();
            ended(&process, operation.id).await
        });
        stop.store(true, Ordering::Relaxed);
        let (world, longest) = process.run(working).unwrap();
        assert_eq!((outcome.state, outcome.error.as_deref()), (WorkState::Done, None), "{from:?} to {to:?}");
        println!("{from:?} to {to:?}: {:?}, longest write {longest:?}", outcome.progress.held_ms);
        assert!(outcome.progress.held_ms < 10_000, "writes were held for long: {outcome:?}");
        process.run(async {
            world.check(&process).await;
            assert_left(&process, &from, tenant).await;
        });
    }
}

#[test]
fn a_tenant_that_works_moves_between_any_two_places_on_postgres() {
    every_pair_under_load(&Scene::postgres(), &postgres_places());
}

#[test]
fn a_tenant_that_works_moves_between_any_two_places_on_sqlite() {
    every_pair_under_load(&Scene::sqlite(), &[at(Isolation::Shared, None), at(Isolation::Database, None)]);
}

/// Every step of a move, in order; some come more than once.
const STEPS: &[&str] = &[
    "preparing",
    "making",
    "target made",
    "copying",
    "batch copied",
    "holding",
    "writes told",
    "writes held",
    "caught up",
    "compared",
    "switched",
    "cleaning",
    "source destroyed",
];

/// The process that moves dies at every step once; another one goes on. Meanwhile the tenant writes through a third.
fn killed_at_every_step(scene: &Scene, from: &Location, to: &Location) {
    let serving = Arc::new(Process::start(&scene.settings));
    for step in STEPS {
        let world = serving.run(World::new(&serving, from));
        let (tenant, stop) = (world.tenant, Arc::new(AtomicBool::new(false)));
        let working = serving.database.spawn(world.work(Arc::clone(&serving), Arc::clone(&stop)));
        let mover = Process::dying_before(&scene.settings, step);
        let operation = mover.run(mover.platform().tenant_move(tenant, to.clone())).unwrap();
        assert_eq!(mover.dies_within(PATIENCE).as_deref(), Some(*step), "it never comes to {step}");
        mover.kill();
        let outcome = serving.run(async {
            // The lock of the dead is free once its connection is gone.
            let began = Instant::now();
            loop {
                resume(&serving.database).await.unwrap();
                let found = serving.platform().operation_find(operation.id).await.unwrap().unwrap();
                if found.state != WorkState::Running {
                    return found;
                }
                assert!(began.elapsed() < PATIENCE, "nobody goes on: {found:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        stop.store(true, Ordering::Relaxed);
        let (world, _) = serving.run(working).unwrap();
        assert_eq!((outcome.state, outcome.error.as_deref()), (WorkState::Done, None), "killed at {step}");
        serving.run(async {
            world.check(&serving).await;
            assert_left(&serving, from, tenant).await;
        });
    }
}

#[test]
fn a_move_survives_its_process_out_of_shared_tables() {
    killed_at_every_step(&Scene::postgres(), &at(Isolation::Shared, None), &at(Isolation::Schema, None));
}

#[test]
fn a_move_survives_its_process_out_of_a_schema() {
    killed_at_every_step(&Scene::postgres(), &at(Isolation::Schema, None), &at(Isolation::Database, None));
}

#[test]
fn a_move_survives_its_process_out_of_a_database() {
    killed_at_every_step(&Scene::postgres(), &at(Isolation::Database, None), &at(Isolation::Shared, Some("east")));
}

#[test]
fn a_move_survives_its_process_on_sqlite() {
    let scene = Scene::sqlite();
    killed_at_every_step(&scene, &at(Isolation::Shared, None), &at(Isolation::Database, None));
    killed_at_every_step(&scene, &at(Isolation::Database, None), &at(Isolation::Shared, None));
}

/// Two names for one server: a tenant's database would be copied onto itself, and then destroyed.
#[test]
fn a_place_is_not_moved_onto_itself() {
    let home = tokio::runtime::Runtime::new().unwrap().block_on(TestDatabase::postgres());
    let twin = tokio::runtime::Runtime::new().unwrap().block_on(TestDatabase::postgres());
    let mut variables = home.variables();
    variables.push(("DATASTORES", format!("twin={}", twin.server().url("test_owner"))));
    let process = Process::start(&hasty(&variables));
    let here = at(Isolation::Database, None);
    let world = process.run(World::new(&process, &here));
    process.run(async {
        let target = at(Isolation::Database, Some("twin"));
        let operation = process.platform().tenant_move(world.tenant, target).await.unwrap();
        let outcome = ended(&process, operation.id).await;
        assert_eq!(outcome.state, WorkState::Failed);
        assert!(outcome.error.as_ref().is_some_and(|why| why.contains("both places are the same")), "{outcome:?}");
        assert!(is_there(&process, &here, world.tenant).await);
        world.check(&process).await;
    });
}
