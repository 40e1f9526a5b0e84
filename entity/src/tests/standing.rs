//! A tenant's read is one message to PostgreSQL and one answer, and it is bound all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sea_orm::Statement;
use testkit::TestDatabase;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use super::fleet::{admit, make, with};
use super::{open_unchecked, recorder, settings};
use crate::connection::Lease;
use crate::database::{Database, connect};
use crate::entities::post;
use crate::error::Keys;
use crate::gatekeeper::Gatekeeper;
use crate::session::TenantAccess;
use crate::vocabulary::{Isolation, Role};
use crate::{Filter, NewPost, NewUser, PostColumn};

/// Between the program and PostgreSQL: counts how often the program stops to wait for an answer.
struct Wire {
    port: u16,
    waits: Arc<AtomicUsize>,
}

impl Wire {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, waits) = (listener.local_addr().unwrap().port(), Arc::<AtomicUsize>::default());
        let counted = Arc::clone(&waits);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&server).await.unwrap();
                [&near, &far].into_iter().for_each(|end| end.set_nodelay(true).unwrap());
                let counted = Arc::clone(&counted);
                tokio::spawn(async move {
                    let ((mut from_near, mut to_near), (mut from_far, to_far)) = (near.into_split(), far.into_split());
                    tokio::spawn(async move { copy(&mut from_far, &mut to_near).await });
                    // Ends with the connection.
                    let _ = forward(&mut from_near, to_far, &counted).await;
                });
            }
        });
        Self { port, waits }
    }

    /// How many answers the work waits for.
    async fn waits_of<T>(&self, work: impl Future<Output = T>) -> (usize, T) {
        let before = self.waits.load(Ordering::SeqCst);
        let done = work.await;
        (self.waits.load(Ordering::SeqCst) - before, done)
    }
}

/// Message by message: the first ones have no type, see "Message Formats" in PostgreSQL's manual.
async fn forward(
    from: &mut (impl AsyncReadExt + Unpin),
    mut to: impl AsyncWriteExt + Unpin,
    waits: &AtomicUsize,
) -> std::io::Result<()> {
    const ENCRYPTION_WANTED: [u8; 4] = 80_877_103_u32.to_be_bytes();
    let mut has_begun = false;
    loop {
        let kind = if has_begun { Some(from.read_u8().await?) } else { None };
        let length = from.read_u32().await?;
        let mut body = vec![0; length as usize - 4];
        from.read_exact(&mut body).await?;
        has_begun |= body.get(..4) != Some(&ENCRYPTION_WANTED);
        if matches!(kind, Some(b'Q' | b'S')) {
            waits.fetch_add(1, Ordering::SeqCst);
        }
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend(length.to_be_bytes());
        message.extend(body);
        to.write_all(&message).await?;
    }
}

/// A tenant with a user and posts, reached over one connection and a wire.
struct Scene {
    wire: Wire,
    database: Database,
    tenant: TenantAccess,
    post: Uuid,
    _test: TestDatabase,
}

impl Scene {
    async fn set(isolation: Isolation, more: &[(&'static str, &str)]) -> Self {
        let test = TestDatabase::postgres().await;
        let id = make(&test.variables(), isolation, None, 1).await[0];
        let url = test.variables().into_iter().find(|(name, _)| *name == "DATABASE_URL").unwrap().1;
        let server = url.split_once('@').unwrap().1.split_once('/').unwrap().0.to_owned();
        let wire = Wire::to(server.clone()).await;
        let over_the_wire = format!("127.0.0.1:{}", wire.port);
        let one = [("POOL_MIN", "1"), ("POOL_MAX", "1"), ("CACHE", "off")];
        let mut variables = with(with(test.variables(), &one), more);
        variables.iter_mut().for_each(|(_, value)| *value = value.replace(&server, &over_the_wire));
        let passing = variables.iter().any(|(name, _)| *name == "statement-cache-capacity");
        let addresses = variables.iter_mut().filter(|(_, value)| passing && value.contains(&over_the_wire));
        addresses.for_each(|(_, value)| value.push_str("?statement-cache-capacity=0"));
        let database = open_unchecked(&variables);
        let tenant = admit(&Gatekeeper::new(database.clone()), id).await;
        let post = fill(&tenant).await;
        Self { wire, database, tenant, post, _test: test }
    }
}

async fn fill(tenant: &TenantAccess) -> Uuid {
    let (name, email) = ("Ada".to_owned(), "ada@example.com".to_owned());
    let ada = NewUser { tenant_id: None, id: None, name, email, role: Role::Admin, created_at: None };
    let ada = tenant.users().insert(ada).await.unwrap();
    let mut newest = Uuid::nil();
    for number in 0..5 {
        let (title, content) = (format!("Post {number}"), Some("Text".to_owned()));
        let post = NewPost { tenant_id: None, id: None, user_id: ada.id, title, content, created_at: None };
        newest = tenant.posts().insert(post).await.unwrap().id;
    }
    newest
}

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
    let settings = ["statement_timeout", "client_connection_check_interval", "plan_cache_mode"];
    let sql = format!("SELECT {}", settings.map(|name| format!("current_setting('{name}')")).join(" || ' ' || "));
    let rows = Lease::read_alone(place, Statement::from_string(place.backend(), sql), Keys::default()).await.unwrap();
    assert_eq!(rows[0].try_get_by_index::<String>(0).unwrap(), "1234ms 100ms force_generic_plan");
}

/// Were it otherwise, nothing would be found; but that is for the planner to decide anew with each version of PostgreSQL.
#[tokio::test]
async fn no_table_is_read_before_the_tenant_is_bound() {
    let test = TestDatabase::postgres().await;
    let id = make(&test.variables(), Isolation::Shared, None, 1).await[0];
    let (sent, observer) = recorder();
    let mut settings = settings(&with(test.variables(), &[("CACHE", "off")]));
    settings.observer = Some(observer);
    let database = connect(&settings).unwrap();
    let tenant = admit(&Gatekeeper::new(database.clone()), id).await;
    let post = fill(&tenant).await;
    sent.lock().unwrap().clear();
    read_each(&tenant, post).await;
    let sent = std::mem::take(&mut *sent.lock().unwrap());
    assert_eq!(sent.len(), READS);
    for (sql, values) in sent {
        assert!(sql.starts_with("SELECT \"read\".* FROM (SELECT set_config("), "{sql}");
        let mut explain = format!("EXPLAIN (COSTS OFF) {sql}");
        for (at, value) in values.iter().enumerate().rev() {
            explain = explain.replace(&format!("${}", at + 1), value);
        }
        let place = &database.serving;
        let statement = Statement::from_string(place.backend(), &explain);
        let rows = Lease::read_alone(place, statement, Keys::default()).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        let ways: Vec<&str> = plan.iter().map(|line| line.trim_start_matches([' ', '-', '>'])).collect();
        assert_eq!(ways[..2], ["Nested Loop", "Result"], "what binds comes first: {}", plan.join("\n"));
        for way in ["Materialize", "Memoize", "Hash", "Merge", "InitPlan"] {
            assert!(!ways.iter().any(|line| line.starts_with(way)), "{}", plan.join("\n"));
        }
    }
}
