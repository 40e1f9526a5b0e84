//! What this crate does in a request beside waiting for a database.
//!
//!     cargo bench -p tenantry-entity --features micro --bench micro

use std::sync::LazyLock;

use divan::{Bencher, black_box};
use tenantry_entity as entity;
use tenantry_entity::micro::{self, Sealer};
use tenantry_entity::{
    Database, Filter, Gatekeeper, Limits, NewPost, NewTenant, NewUser, Post, Role, TenantAccess, TenantName,
};
use testkit::TestDatabase;
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

/// A tenant in an SQLite file, with a user and posts that have been read before.
struct Scene {
    runtime: Runtime,
    gatekeeper: Gatekeeper,
    access: TenantAccess,
    post: Post,
    _database: (Database, TestDatabase),
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a runtime");
    let (gatekeeper, access, post, database) = runtime.block_on(set());
    Scene { runtime, gatekeeper, access, post, _database: database }
});

async fn set() -> (Gatekeeper, TenantAccess, Post, (Database, TestDatabase)) {
    let test = TestDatabase::sqlite().await;
    let mut variables = test.variables();
    variables.push(("TENANT_CACHE_TTL", "10s".to_owned()));
    let (database, gatekeeper) = entity::open(&testkit::settings(&variables)).await.expect("a database");
    let admin = gatekeeper.platform_admin("bench", entity::Origin::command_line());
    let new = NewTenant {
        id: None,
        slug: "acme".to_owned(),
        name: "Acme".to_owned(),
        isolation: entity::Isolation::Shared,
        datastore: None,
        domains: Vec::new(),
        limits: Limits::default(),
        created_at: None,
    };
    database.platform(&admin).tenant_create(new).await.expect("a tenant");
    let found = gatekeeper.find(&[name()]).await.expect("the tenant");
    let access = gatekeeper.admit(found[0].clone()).expect("a place");
    let (name, email) = ("Ada".to_owned(), "ada@example.com".to_owned());
    let user = NewUser { tenant_id: None, id: None, name, email, role: Role::Admin, created_at: None };
    let user = access.users().insert(user).await.expect("a user");
    let content = Some("x".repeat(500));
    let draft = |number| NewPost {
        user_id: user.id,
        title: format!("Post {number}"),
        content: content.clone(),
        ..NewPost::default()
    };
    let posts = access.posts().insert_many((0..50).map(draft).collect()).await.expect("posts");
    (gatekeeper, access, posts[0].clone(), (database, test))
}

fn name() -> TenantName {
    TenantName::Slug("acme".to_owned())
}

#[divan::bench]
fn resolving_a_known_name(bencher: Bencher<'_, '_>) {
    let scene = &*SCENE;
    bencher.bench_local(|| scene.runtime.block_on(scene.gatekeeper.find(&[name()])).map(|found| found.len()));
}

#[divan::bench]
fn reading_a_kept_row(bencher: Bencher<'_, '_>) {
    let scene = &*SCENE;
    bencher.bench_local(|| scene.runtime.block_on(scene.access.posts().get(scene.post.id)));
}

#[divan::bench]
fn reading_a_kept_page(bencher: Bencher<'_, '_>) {
    let scene = &*SCENE;
    bencher.bench_local(|| {
        scene.runtime.block_on(scene.access.posts().list(Filter::all()).slice(None, 20)).map(|page| page.rows.len())
    });
}

#[divan::bench]
fn making_the_statement_that_reads_a_row(bencher: Bencher<'_, '_>) {
    let scene = &*SCENE;
    bencher.bench_local(|| micro::read_by_id(&scene.access, black_box(scene.post.id)));
}

#[divan::bench]
fn making_the_statement_of_a_search(bencher: Bencher<'_, '_>) {
    let scene = &*SCENE;
    bencher.bench_local(|| micro::search(&scene.access, black_box(scene.post.user_id), "post"));
}

#[divan::bench]
fn a_cursor_written_and_read(bencher: Bencher<'_, '_>) {
    let scene = &*SCENE;
    let page = scene.runtime.block_on(scene.access.posts().list(Filter::all()).slice(None, 1)).expect("a page");
    let cursor = page.next.expect("there is more");
    bencher.bench_local(|| scene.access.posts().cursor(&black_box(cursor).to_string()));
}

#[divan::bench(args = [50, 500, 50_000])]
fn sealing_bytes(bencher: Bencher<'_, '_>, size: usize) {
    let (sealer, text) = (Sealer::new(), "x".repeat(size));
    bencher.bench_local(|| sealer.seal(black_box(&text)));
}

#[divan::bench(args = [50, 500, 50_000])]
fn opening_bytes(bencher: Bencher<'_, '_>, size: usize) {
    let sealer = Sealer::new();
    let sealed = sealer.seal(&"x".repeat(size));
    assert!(sealer.open(&sealed).is_some(), "it opens");
    bencher.bench_local(|| sealer.open(black_box(&sealed)));
}
