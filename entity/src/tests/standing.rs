//! A tenant's read, insert or change of one row is one message to PostgreSQL and one answer, and it is bound all the same.

mod changes;
mod inserts;
mod scene;
mod wire;

use sea_orm::Statement;
use testkit::TestDatabase;
use uuid::Uuid;

use super::fleet::{admit, make, with};
use super::statements::each_names;
use super::{Recording, recorder, settings};
use crate::connection::{Access, Binding, Lease};
use crate::database::{Database, connect};
use crate::entities::post;
use crate::error::Keys;
use crate::gatekeeper::Gatekeeper;
use crate::session::TenantAccess;
use crate::vocabulary::{Isolation, Role};
use crate::{Filter, PostChanges, PostColumn, UserChanges};
use scene::{Scene, fill};

/// Every way in which one statement reads, each of which finds something.
async fn read_each(tenant: &TenantAccess, post: Uuid) {
    let posts = tenant.posts();
    let text = || Filter::contains(PostColumn::Title, "post");
    assert_eq!(posts.get(post).await.unwrap().unwrap().id, post);
    assert_eq!(posts.find(text()).await.unwrap().unwrap().id, post);
    assert_eq!(posts.value::<String>(post, PostColumn::Title).await.unwrap().unwrap(), "Post 4");
    assert_eq!(posts.count(text()).await.unwrap(), 5);
    assert!(posts.exists(text()).await.unwrap());
    let titles = async |list: crate::List<'_, post::Model>| {
        let rows = list.slice(None, 3).await.unwrap().rows;
        rows.into_iter().map(|post| post.title).collect::<Vec<_>>()
    };
    assert_eq!(titles(posts.list(text())).await, ["Post 4", "Post 3", "Post 2"]);
    assert_eq!(titles(posts.list(Filter::all()).oldest_first()).await, ["Post 0", "Post 1", "Post 2"]);
    assert_eq!(tenant.tenants().get(tenant.id()).await.unwrap().unwrap().id, tenant.id());
}

const READS: usize = 8;

#[tokio::test]
async fn a_read_waits_for_one_answer() {
    for isolation in [Isolation::Shared, Isolation::Schema, Isolation::Database] {
        let scene = Scene::set(isolation, &[]).await;
        let (_, ()) = scene.wire.waits_of(read_each(&scene.tenant, scene.post)).await;
        // More often than a plan is made for the values at hand.
        for _ in 0..10 {
            let (waits, ()) = scene.wire.waits_of(read_each(&scene.tenant, scene.post)).await;
            assert_eq!(waits, READS, "{isolation}");
        }
    }
}

/// By what a condition costs PostgreSQL decides what it looks at first.
#[tokio::test]
async fn a_read_finds_its_row_whatever_costs_are_the_servers_default() {
    let test = TestDatabase::postgres().await;
    let free = "ALTER DATABASE %I SET cpu_operator_cost = 0";
    test.execute(&format!("DO $$ BEGIN EXECUTE format('{free}', current_database()); END $$")).await;
    let scene = Scene::set_in(test, Isolation::Shared, &[]).await;
    read_each(&scene.tenant, scene.post).await;
}

/// What a pooler that exchanges sessions makes of a session nobody knows, so each transaction says what holds for it.
#[tokio::test]
async fn through_a_pooler_a_read_is_a_transaction() {
    let scene = Scene::set(Isolation::Shared, &[("statement-cache-capacity", "0")]).await;
    read_each(&scene.tenant, scene.post).await;
    let (waits, found) = scene.wire.waits_of(scene.tenant.posts().get(scene.post)).await;
    assert!(waits >= 3 && found.unwrap().is_some(), "{waits}");
}

#[tokio::test]
async fn a_session_begins_with_what_holds_for_every_statement() {
    let scene = Scene::set(Isolation::Shared, &[("STATEMENT_TIMEOUT", "1234ms")]).await;
    let place = &scene.database.serving;
    let settings = ["statement_timeout", "client_connection_check_interval", "plan_cache_mode", "cpu_operator_cost"];
    let sql = format!("SELECT {}", settings.map(|name| format!("current_setting('{name}')")).join(" || ' ' || "));
    let rows = Lease::read_alone(place, Statement::from_string(place.backend(), sql), Keys::default()).await.unwrap();
    assert_eq!(rows[0].try_get_by_index::<String>(0).unwrap(), "1234ms 100ms force_generic_plan 0.0025");
}

/// Were it otherwise, nothing would be found; but that is for the planner to decide anew with each version of PostgreSQL, and for each
/// way through a table.
#[tokio::test]
async fn no_table_is_read_before_the_tenant_is_bound() {
    let (_test, database, tenant, sent) = recorded(Isolation::Shared).await;
    let post = fill(&tenant).await;
    sent.lock().unwrap().clear();
    read_each(&tenant, post).await;
    let sent = std::mem::take(&mut *sent.lock().unwrap());
    assert_eq!(sent.len(), READS);
    for way in ["seqscan", "indexscan", "bitmapscan", "sort"] {
        let mut lease = Lease::begin(&database.serving, Access::Read, Binding::Nobody).await.unwrap();
        lease.run(&format!("SET LOCAL enable_{way} = off")).await.unwrap();
        for (sql, values) in &sent {
            lease.run(&format!("PREPARE reading AS {sql}")).await.unwrap();
            let explain = format!("EXPLAIN (COSTS OFF) EXECUTE reading({})", values.join(", "));
            let statement = Statement::from_string(lease.backend(), &explain);
            let rows = lease.rows(statement, Keys::default()).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
            assert!(binds_first(&plan), "{way}: {}", plan.join("\n"));
            assert!(
                plan.iter().any(|line| line.contains("(tenant_id = $") || line.contains("(id = $")),
                "not as it is planned for all: {}",
                plan.join("\n")
            );
            lease.run("DEALLOCATE reading").await.unwrap();
        }
        lease.commit().await.unwrap();
    }
}

/// The rows of which it is made carry the tenant that is bound, in the tally as well.
#[tokio::test]
async fn what_is_written_by_one_statement_names_the_tenant() {
    for isolation in [Isolation::Shared, Isolation::Schema] {
        let (_test, _database, tenant, sent) = recorded(isolation).await;
        let post = fill(&tenant).await;
        let (posts, users) = (tenant.posts(), tenant.users());
        let title = PostChanges { title: Some("Longer than it was".to_owned()), ..PostChanges::default() };
        let post = posts.update(post, Filter::all(), title).await.unwrap().unwrap();
        let role = UserChanges { role: Some(Role::Viewer), ..UserChanges::default() };
        assert!(users.update(post.user_id, Filter::all(), role).await.unwrap().is_some());
        let changed = std::mem::take(&mut *sent.lock().unwrap());
        let verbs: Vec<&str> = changed.iter().map(|(sql, _)| sql.split(' ').next().unwrap()).collect();
        let (inserts, change, uncounted) = (["WITH"; 6], "WITH", "UPDATE");
        assert_eq!(verbs, [&inserts[..], &[change, uncounted]].concat(), "in no transaction: {changed:?}");
        each_names(&changed, tenant.id()).unwrap();
        assert!(posts.delete(post.id, Filter::all()).await.unwrap());
        each_names(&sent.lock().unwrap(), tenant.id()).unwrap();
    }
}

/// A tenant's access to a database whose statements are kept.
async fn recorded(isolation: Isolation) -> (TestDatabase, Database, TenantAccess, Recording) {
    let test = TestDatabase::postgres().await;
    let id = make(&test.variables(), isolation, None, 1).await[0];
    let (sent, observer) = recorder();
    let mut settings = settings(&with(test.variables(), &[("CACHE", "off")]));
    settings.observer = Some(observer);
    let database = connect(&settings).unwrap();
    let tenant = admit(&Gatekeeper::new(database.clone()), id).await;
    sent.lock().unwrap().clear();
    (test, database, tenant, sent)
}

/// Whether all ways into a table are below what looks whether the tenant is bound, once for all.
fn binds_first(plan: &[String]) -> bool {
    let line = |at: usize| plan[at].trim_start_matches([' ', '-', '>']);
    let depth = |at: usize| plan[at].len() - line(at).len();
    // The policy may be looked at beside it, but after it.
    let filters = ["One-Time Filter: ($0 IS NOT NULL)", "One-Time Filter: (($0 IS NOT NULL) AND "];
    let is_filter = |at: &usize| filters.iter().any(|filter| line(*at).starts_with(filter));
    let Some(filter) = (0..plan.len()).find(is_filter) else { return false };
    let mut ways = (0..plan.len()).filter(|at| line(*at).contains(" on "));
    line(filter - 1) == "Result"
        && ways.clone().count() > 0
        && ways.all(|at| at > filter && depth(at) > depth(filter - 1))
}

/// A future is moved as a whole each time that it is boxed, and a request boxes several. What is needed seldom (to load what is not
/// kept, to ask Redis) must not be a part of it.
#[tokio::test]
async fn what_most_requests_wait_for_is_small() {
    let test = TestDatabase::sqlite().await;
    let database = super::open_test(&test);
    let tenant = super::admitted(&database, Uuid::now_v7());
    let (posts, gatekeeper) = (tenant.posts(), Gatekeeper::new(database));
    let sizes = [
        ("a name", size_of_val(&gatekeeper.find(&[]))),
        ("a row", size_of_val(&posts.get(Uuid::nil()))),
        ("a page", size_of_val(&posts.list(Filter::all()).slice(None, 20))),
        ("an insert", size_of_val(&posts.insert(crate::NewPost::default()))),
        ("a change", size_of_val(&posts.update(Uuid::nil(), Filter::all(), crate::PostChanges::default()))),
    ];
    assert!(sizes.iter().all(|(_, size)| *size < 6 << 10), "{sizes:?}");
}
