//! New data keys, and rows sealed for the first time, while the tenant writes through another process and whoever does it dies.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::encryption::{KEY, OTHER};
use super::moving::Scene;
use super::process::Process;
use crate::encryption::{count_others, plain_rows};
use crate::entities::operation::Location;
use crate::operations::resume;
use crate::session::TenantAccess;
use crate::settings::DatabaseSettings;
use crate::vocabulary::{Isolation, Limits, Role, WorkState};
use crate::{Error, Filter, NewPost, NewTenant, NewUser, Operation, PostChanges, TenantName};

const PATIENCE: Duration = Duration::from_secs(60);

/// The same installation with these settings for encryption.
pub(super) fn with(scene: &Scene, variables: &[(&'static str, &str)]) -> DatabaseSettings {
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    DatabaseSettings { encryption: super::settings(&variables).encryption, ..scene.settings.clone() }
}

/// With a master key, and data keys that expire soon.
pub(super) fn sealing(scene: &Scene) -> DatabaseSettings {
    with(scene, &[("ENCRYPTION_MASTER_KEY", KEY), ("ENCRYPTION_KEY_TTL", "300ms")])
}

/// A tenant with posts, and what it has been told is in them.
struct World {
    tenant: Uuid,
    author: Uuid,
    posts: BTreeMap<Uuid, (Option<String>, i64)>,
}

impl World {
    async fn new(process: &Process, isolation: Isolation, posts: usize) -> Self {
        let new = NewTenant {
            id: None,
            slug: format!("t{}", Uuid::now_v7().simple()),
            name: "Rotated".to_owned(),
            isolation,
            datastore: None,
            domains: Vec::new(),
            limits: Limits::default(),
            created_at: None,
        };
        let tenant = process.platform().tenant_create(new).await.unwrap().id;
        let access = admitted(process, tenant).await;
        let (name, email) = ("A".to_owned(), "a@example.com".to_owned());
        let new = NewUser { tenant_id: None, id: None, name, email, role: Role::Member, created_at: None };
        let author = access.users().insert(new).await.unwrap().id;
        let new = (0..posts).map(|number| saying(author, number)).collect();
        let posts = access.posts().insert_many(new).await.unwrap();
        Self { tenant, author, posts: posts.into_iter().map(|post| (post.id, (post.content, post.version))).collect() }
    }

    /// Writes until it is told to stop.
    async fn work(mut self, process: Arc<Process>, stop: Arc<AtomicBool>) -> Self {
        let mut number = 10_000;
        while !stop.load(Ordering::Relaxed) {
            number += 1;
            self.write(&process, number).await.unwrap();
        }
        self
    }

    async fn write(&mut self, process: &Process, number: usize) -> Result<(), Error> {
        let access = admitted(process, self.tenant).await;
        let posts = access.posts();
        let id = *self.posts.keys().nth(number * 7919 % self.posts.len()).unwrap();
        if number.is_multiple_of(3) {
            let made = posts.insert(saying(self.author, number)).await?;
            self.posts.insert(made.id, (made.content, made.version));
        } else {
            let changes = PostChanges { content: Some(text(number)), ..PostChanges::default() };
            let changed = posts.update(id, Filter::all(), changes).await?.expect("the post is there");
            self.posts.insert(id, (changed.content, changed.version));
        }
        Ok(())
    }

    /// Every acknowledged write is there, with the version that it was answered with.
    async fn check(&self, process: &Process) {
        let access = admitted(process, self.tenant).await;
        let (mut found, mut after) = (BTreeMap::new(), None);
        loop {
            let slice = access.posts().list(Filter::all()).slice(after, 100).await.unwrap();
            found.extend(slice.rows.into_iter().map(|post| (post.id, (post.content, post.version))));
            after = slice.next;
            if after.is_none() {
                break;
            }
        }
        assert!(found == self.posts, "a write was lost, or a version changed");
    }

    /// Every row is sealed with this version, and the keys before it are retired.
    async fn is_sealed_with(&self, process: &Process, version: i32) {
        let place = process.database.place_of(admitted(process, self.tenant).await.tenant()).unwrap();
        assert_eq!(count_others(self.tenant, &place, version).await.unwrap(), 0);
        let keys = process.database.keys.wrapped(self.tenant).await.unwrap();
        let in_use: Vec<_> = keys.iter().filter(|key| key.retired_at.is_none()).map(|key| key.version).collect();
        assert_eq!((in_use, keys.len()), (vec![version], version as usize));
    }
}

/// Some posts have no text.
fn text(number: usize) -> Option<String> {
    (!number.is_multiple_of(5)).then(|| format!("text {number}"))
}

fn saying(user_id: Uuid, number: usize) -> NewPost {
    NewPost { user_id, title: "title".to_owned(), content: text(number), ..NewPost::default() }
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
        assert!(began.elapsed() < PATIENCE, "it does not end: {operation:?}");
        resume(&process.database).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Every step of a rotation, in order.
const STEPS: &[&str] = &["preparing", "sealing", "row sealed", "waiting", "checking"];

/// The process that rotates dies at every step once; another one, through which the tenant writes, goes on.
fn killed_at_every_step(scene: &Scene, isolation: Isolation) {
    let settings = sealing(scene);
    let serving = Arc::new(Process::start(&settings));
    for step in STEPS {
        let world = serving.run(World::new(&serving, isolation, 60));
        let (tenant, stop) = (world.tenant, Arc::new(AtomicBool::new(false)));
        let working = serving.database.spawn(world.work(Arc::clone(&serving), Arc::clone(&stop)));
        let dying = Process::dying_before(&settings, step);
        let operation = dying.run(dying.platform().tenant_rotate_key(tenant)).unwrap();
        assert_eq!(dying.dies_within(PATIENCE).as_deref(), Some(*step), "it never comes to {step}");
        dying.kill();
        let outcome = serving.run(ended(&serving, operation.id));
        stop.store(true, Ordering::Relaxed);
        let world = serving.run(working).unwrap();
        assert_eq!((outcome.state, outcome.error.as_deref()), (WorkState::Done, None), "killed at {step}");
        serving.run(async {
            world.check(&serving).await;
            world.is_sealed_with(&serving, 2).await;
        });
    }
}

#[test]
fn a_rotation_survives_its_process_on_sqlite() {
    killed_at_every_step(&Scene::sqlite(), Isolation::Shared);
}

#[test]
fn a_rotation_survives_its_process_in_a_file_of_its_own() {
    killed_at_every_step(&Scene::sqlite(), Isolation::Database);
}

#[test]
fn a_rotation_survives_its_process_in_shared_tables() {
    killed_at_every_step(&Scene::postgres(), Isolation::Shared);
}

#[test]
fn a_rotation_survives_its_process_in_a_schema() {
    killed_at_every_step(&Scene::postgres(), Isolation::Schema);
}

#[test]
fn a_rotation_survives_its_process_in_a_database() {
    killed_at_every_step(&Scene::postgres(), Isolation::Database);
}

/// A process that has the old key at hand goes on to seal with it for a while: the old key is not retired before that ends.
#[test]
fn a_process_that_does_not_know_yet_is_waited_for() {
    for (scene, isolation) in both() {
        let settings = sealing(&scene);
        let (lagging, rotating) = (Arc::new(Process::start(&settings)), Process::start(&settings));
        let world = lagging.run(World::new(&lagging, isolation, 3));
        let (tenant, stop) = (world.tenant, Arc::new(AtomicBool::new(false)));
        let working = lagging.database.spawn(world.work(Arc::clone(&lagging), Arc::clone(&stop)));
        let outcome = rotating.run(async {
            let operation = rotating.platform().tenant_rotate_key(tenant).await.unwrap();
            ended(&rotating, operation.id).await
        });
        stop.store(true, Ordering::Relaxed);
        let world = lagging.run(working).unwrap();
        assert_eq!(outcome.state, WorkState::Done);
        lagging.run(async {
            world.check(&lagging).await;
            world.is_sealed_with(&lagging, 2).await;
        });
    }
}

fn both() -> [(Scene, Isolation); 2] {
    [(Scene::sqlite(), Isolation::Shared), (Scene::postgres(), Isolation::Schema)]
}

#[test]
fn plain_rows_are_sealed_while_the_tenant_works_and_nobody_notices() {
    for (scene, isolation) in both() {
        let plain = Process::start(&scene.settings);
        let world = plain.run(World::new(&plain, isolation, 100));
        let none = plain.run(plain.platform().tenant_encrypt(world.tenant));
        assert!(matches!(none, Err(Error::NotPossible(_))), "without a master key nothing is sealed");
        let process = Arc::new(Process::start(&sealing(&scene)));
        let stop = Arc::new(AtomicBool::new(false));
        let tenant = world.tenant;
        process.run(async {
            let place = process.database.place_of(admitted(&process, tenant).await.tenant()).unwrap();
            assert_eq!(plain_rows(tenant, &place).await.unwrap(), 80);
        });
        let working = process.database.spawn(world.work(Arc::clone(&process), Arc::clone(&stop)));
        let outcome = process.run(async {
            let operation = process.platform().tenant_encrypt(tenant).await.unwrap();
            ended(&process, operation.id).await
        });
        stop.store(true, Ordering::Relaxed);
        let world = process.run(working).unwrap();
        assert_eq!((outcome.state, outcome.error.as_deref()), (WorkState::Done, None));
        assert!(outcome.progress.copied <= outcome.progress.rows, "{outcome:?}");
        process.run(async {
            world.check(&process).await;
            world.is_sealed_with(&process, 1).await;
            let again = process.platform().tenant_encrypt(tenant).await.unwrap();
            assert_eq!(ended(&process, again.id).await.progress.copied, 0, "there is nothing left to do");
        });
    }
}

#[test]
fn of_two_who_make_the_first_key_the_slower_one_makes_no_second() {
    for (scene, isolation) in both() {
        let process = Process::start(&sealing(&scene));
        process.run(async {
            let world = World::new(&process, isolation, 4).await;
            process.database.keys.make_first_for_test(world.tenant).await;
            world.is_sealed_with(&process, 1).await;
        });
    }
}

#[test]
fn a_text_that_does_not_open_keeps_the_old_key_in_use() {
    for (scene, isolation) in both() {
        let process = Process::start(&sealing(&scene));
        process.run(async {
            let world = World::new(&process, isolation, 4).await;
            process.database.keys.make_next_for_test(world.tenant).await;
            let place = process.database.place_of(admitted(&process, world.tenant).await.tenant()).unwrap();
            let rows = crate::rows::Rows::new(world.tenant, &place);
            let mut lease = rows.begin(crate::connection::Access::Write).await.unwrap();
            lease.run("UPDATE posts SET content = 'sealed:1:1:AAAA' WHERE content LIKE 'sealed:1:1:%'").await.unwrap();
            lease.commit().await.unwrap();
            let operation = process.platform().tenant_rotate_key(world.tenant).await.unwrap();
            let outcome = ended(&process, operation.id).await;
            assert_eq!(outcome.state, WorkState::Failed);
            assert!(outcome.error.unwrap().contains("3 sealed texts do not open"));
            let keys = process.database.keys.wrapped(world.tenant).await.unwrap();
            assert!(keys.len() == 3 && keys.iter().all(|key| key.retired_at.is_none()), "{keys:?}");
        });
    }
}

#[test]
fn a_sealed_tenant_moves_as_it_is_and_is_not_rotated_meanwhile() {
    for (scene, target) in [(Scene::sqlite(), Isolation::Database), (Scene::postgres(), Isolation::Schema)] {
        let process = Process::start(&sealing(&scene));
        process.run(async {
            let world = World::new(&process, Isolation::Shared, 50).await;
            let to = Location { isolation: target, datastore: None };
            let moving = process.platform().tenant_move(world.tenant, to.clone()).await.unwrap();
            let refused = process.platform().tenant_rotate_key(world.tenant).await;
            assert!(matches!(refused, Err(Error::NotPossible(_))), "{refused:?}");
            assert_eq!(ended(&process, moving.id).await.state, WorkState::Done);
            world.check(&process).await;
            world.is_sealed_with(&process, 1).await;
            let rotating = process.platform().tenant_rotate_key(world.tenant).await.unwrap();
            let same = process.platform().tenant_rotate_key(world.tenant).await.unwrap();
            assert_eq!(same.id, rotating.id);
            let back = Location { isolation: Isolation::Shared, datastore: None };
            let refused = process.platform().tenant_move(world.tenant, back).await;
            assert!(matches!(refused, Err(Error::NotPossible(_))), "{refused:?}");
            assert_eq!(ended(&process, rotating.id).await.state, WorkState::Done);
            world.check(&process).await;
            world.is_sealed_with(&process, 2).await;
        });
    }
}

#[test]
fn a_new_master_key_wraps_every_key_and_touches_no_row() {
    for (scene, isolation) in both() {
        let before = Process::start(&sealing(&scene));
        let world = before.run(World::new(&before, isolation, 5));
        let between = [("ENCRYPTION_MASTER_KEY", OTHER), ("ENCRYPTION_PREVIOUS_MASTER_KEYS", KEY)];
        let process = Process::start(&with(&scene, &between));
        process.run(async {
            world.check(&process).await;
            let wrapped = process.database.keys.wrapped(world.tenant).await.unwrap();
            assert_eq!(process.platform().keys_rewrap(|done, of| assert_eq!((done, of), (1, 1))).await.unwrap(), 1);
            assert_eq!(process.platform().keys_rewrap(|_, _| ()).await.unwrap(), 0);
            let again = process.database.keys.wrapped(world.tenant).await.unwrap();
            assert!(wrapped[0].version == again[0].version && wrapped[0].wrapped != again[0].wrapped);
        });
        let after = Process::start(&with(&scene, &[("ENCRYPTION_MASTER_KEY", OTHER)]));
        after.run(world.check(&after));
    }
}
