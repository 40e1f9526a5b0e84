//! Sealed columns, as the database sees them and as the scopes do: on both databases, with keys that come and go.

use futures_util::FutureExt;
use sea_orm::EntityName;
use testkit::TestDatabase;
use uuid::Uuid;

use super::fleet::{Variables, with};
use super::{admitted, open_unchecked};
use crate::database::Database;
use crate::entities::{idempotency, post, user};
use crate::gatekeeper::Gatekeeper;
use crate::resource::{Owned, is_among};
use crate::session::TenantAccess;
use crate::vocabulary::{Isolation, Limits, Role};
use crate::{
    Direction, Error, Filter, IdempotencyChanges, NewIdempotencyRecord, NewPost, NewTenant, NewUser, Post, PostChanges,
    PostColumn, TenantName,
};

/// A master key.
pub(super) const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Another one.
pub(super) const OTHER: &str = "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The same database, with a master key.
pub(super) fn sealing(variables: &Variables) -> Variables {
    with(variables.clone(), &[("ENCRYPTION_MASTER_KEY", KEY)])
}

/// Repeats a test on both databases.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(testkit::TestDatabase::sqlite().await).await; })+
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name(testkit::TestDatabase::postgres().await).await; })+
        }
    };
}

on_both!(
    what_is_stored_is_sealed_and_what_is_read_is_not,
    a_sealed_text_opens_nowhere_else,
    plain_texts_from_before_are_read_and_none_is_taken_for_a_sealed_one,
    nothing_is_compared_with_a_sealed_column,
    an_answer_that_is_kept_is_sealed_too,
    a_key_that_another_process_made_is_fetched,
    a_key_expires_and_is_asked_for_anew,
    a_process_without_the_key_does_not_serve_what_others_sealed,
    an_installation_does_not_start_without_the_master_key_that_it_needs,
    a_purged_tenants_rows_cannot_be_read_from_a_copy,
);

async fn tenant(database: &Database) -> TenantAccess {
    let gatekeeper = Gatekeeper::new(database.clone());
    let admin = gatekeeper.platform_admin("test", crate::Origin::command_line());
    let new = NewTenant {
        id: None,
        slug: format!("t{}", Uuid::now_v7().simple()),
        name: "Test".to_owned(),
        isolation: Isolation::Shared,
        datastore: None,
        domains: Vec::new(),
        limits: Limits::default(),
        created_at: None,
    };
    let made = gatekeeper.platform_for_test(&admin).tenant_create(new).await.unwrap();
    admit(database, made.id).await
}

pub(super) async fn admit(database: &Database, tenant: Uuid) -> TenantAccess {
    let gatekeeper = Gatekeeper::new(database.clone());
    let found = gatekeeper.find(&[TenantName::Id(tenant)]).await.unwrap();
    gatekeeper.admit(found[0].clone()).unwrap()
}

async fn author(access: &TenantAccess) -> Uuid {
    let new = NewUser {
        tenant_id: None,
        id: None,
        name: "Ada".to_owned(),
        email: "ada@example.com".to_owned(),
        role: Role::Member,
        created_at: None,
    };
    access.users().insert(new).await.unwrap().id
}

fn saying(user_id: Uuid, content: &str) -> NewPost {
    NewPost { user_id, title: "title".to_owned(), content: Some(content.to_owned()), ..NewPost::default() }
}

fn contents(posts: &[Post]) -> Vec<Option<&str>> {
    posts.iter().map(|post| post.content.as_deref()).collect()
}

/// How many posts hold a text like this, past all locks.
async fn stored_like(test: &TestDatabase, pattern: &str) -> i64 {
    test.number(&format!("SELECT count(*) FROM posts WHERE content LIKE '{pattern}'")).await
}

async fn what_is_stored_is_sealed_and_what_is_read_is_not(test: TestDatabase) {
    let access = tenant(&open_unchecked(&sealing(&test.variables()))).await;
    let (user, posts) = (author(&access).await, access.posts());
    let one = posts.insert(saying(user, "secret one")).await.unwrap();
    assert_eq!(one.content.as_deref(), Some("secret one"));
    let many = posts.insert_many(vec![saying(user, "secret two"), NewPost { user_id: user, ..NewPost::default() }]);
    assert_eq!(contents(&many.await.unwrap()), [Some("secret two"), None]);
    let upserted = NewPost { id: Some(one.id), ..saying(user, "secret three") };
    assert_eq!(posts.upsert(upserted.clone()).await.unwrap().content.as_deref(), Some("secret three"));
    assert!(posts.insert_if_absent(upserted).await.unwrap().is_none());
    assert_eq!(stored_like(&test, "sealed:1:1:%").await, 2);

    let changes = PostChanges { content: Some(Some("secret four".to_owned())), ..PostChanges::default() };
    let changed = posts.update(one.id, Filter::all(), changes.clone()).await.unwrap().unwrap();
    assert_eq!((changed.content.as_deref(), changed.version), (Some("secret four"), 3));
    assert_eq!(posts.update_many(Filter::eq(PostColumn::UserId, user), changes).await.unwrap(), 3);
    let all = [Some("secret four"); 3];
    assert_eq!(contents(&posts.list(Filter::all()).slice(None, 10).await.unwrap().rows), all);
    assert_eq!(contents(&posts.list(Filter::all()).page(1, 10).await.unwrap().rows), all);
    assert_eq!(posts.get(one.id).await.unwrap().unwrap().content.as_deref(), all[0]);
    let users = access.users().list(Filter::all()).slice(None, 10).await.unwrap().rows;
    assert_eq!(contents(&access.users().with_posts(users, 10).await.unwrap()[0].1), all);
    let read = access.transaction(async |transaction| {
        transaction.posts().insert(saying(user, "secret five")).await?;
        transaction.posts().find(Filter::all()).await
    });
    assert_eq!(read.await.unwrap().unwrap().content.as_deref(), Some("secret five"));

    assert_eq!(stored_like(&test, "%secret%").await, 0);
    assert_eq!(stored_like(&test, "sealed:1:1:%").await, 4);
    let removed = PostChanges { content: Some(None), ..PostChanges::default() };
    assert_eq!(posts.update_many(Filter::all(), removed).await.unwrap(), 4);
    assert_eq!(stored_like(&test, "sealed:%").await, 0);
}

async fn a_sealed_text_opens_nowhere_else(test: TestDatabase) {
    // What is in the cache is not read again from rows that were changed behind the service's back.
    let variables = [sealing(&test.variables()), vec![("CACHE", "off".to_owned())]].concat();
    let database = open_unchecked(&variables);
    let (one, other) = (tenant(&database).await, tenant(&database).await);
    let (user, stranger) = (author(&one).await, author(&other).await);
    let mine = one.posts().insert(saying(user, "mine")).await.unwrap();
    let second = one.posts().insert(saying(user, "second")).await.unwrap();
    // The same id, so that nothing but the tenant differs.
    let theirs = NewPost { id: Some(mine.id), ..saying(stranger, "theirs") };
    let theirs = other.posts().insert(theirs).await.unwrap();
    let literal = |id: Uuid| match &test {
        TestDatabase::Postgres(_) => format!("'{id}'"),
        TestDatabase::Sqlite(_) => format!("x'{}'", id.simple()),
    };
    let of = |access: &TenantAccess, id| format!("tenant_id = {} AND id = {}", literal(access.id()), literal(id));
    let copy = |from: String, to: String| {
        format!("UPDATE posts SET content = (SELECT p.content FROM posts p WHERE p.{from}) WHERE {to}")
    };
    test.execute(&copy(of(&one, mine.id), of(&one, second.id))).await;
    test.execute(&copy(of(&one, mine.id), of(&other, theirs.id))).await;
    for (access, id) in [(&one, second.id), (&other, theirs.id)] {
        for outcome in [
            access.posts().get(id).await.map(|_| ()),
            access.posts().list(Filter::all()).slice(None, 10).await.map(|_| ()),
        ] {
            let error = outcome.unwrap_err();
            assert!(matches!(&error, Error::Internal(why) if why.contains("does not open")), "{error:?}");
        }
    }
    assert_eq!(one.posts().get(mine.id).await.unwrap().unwrap().content.as_deref(), Some("mine"));
    test.execute("UPDATE posts SET content = 'sealed:1:9:AAAA'").await;
    assert!(one.posts().get(mine.id).await.is_err(), "there is no such key");
}

async fn plain_texts_from_before_are_read_and_none_is_taken_for_a_sealed_one(test: TestDatabase) {
    let plain = tenant(&open_unchecked(&test.variables())).await;
    let user = author(&plain).await;
    let texts = ["hello", "sealed:1:1:AAAA", "sealed:0:sealed:1:1:", "sealed:", ""];
    for text in texts {
        assert_eq!(plain.posts().insert(saying(user, text)).await.unwrap().content.as_deref(), Some(text));
    }
    assert_eq!(stored_like(&test, "hello").await, 1);
    assert_eq!(stored_like(&test, "sealed:1:%").await, 0);
    let read = async |variables: &Variables| {
        let access = admit(&open_unchecked(variables), plain.id()).await;
        access.posts().list(Filter::all()).oldest_first().slice(None, 10).await.unwrap().rows
    };
    let expected = texts.map(Some);
    assert_eq!(contents(&read(&test.variables()).await), expected);
    assert_eq!(contents(&read(&sealing(&test.variables())).await), expected);
    let changes = PostChanges { content: Some(Some("sealed:1:2:".to_owned())), ..PostChanges::default() };
    assert_eq!(plain.posts().update_many(Filter::all(), changes).await.unwrap(), 5);
    assert_eq!(contents(&read(&sealing(&test.variables())).await), [Some("sealed:1:2:"); 5]);
}

async fn nothing_is_compared_with_a_sealed_column(test: TestDatabase) {
    for variables in [test.variables(), sealing(&test.variables())] {
        let access = tenant(&open_unchecked(&variables)).await;
        let posts = access.posts();
        let like = || Filter::eq(PostColumn::Content, "x");
        assert!(posts.find(like()).await.is_err());
        assert!(posts.count(Filter::all().and(like().not())).await.is_err());
        assert!(posts.delete_many(Filter::is_in(PostColumn::Content, ["x"]).or(Filter::all())).await.is_err());
        let sorted = posts.list(Filter::all()).order_by(PostColumn::Content, Direction::Ascending);
        assert!(sorted.page(1, 10).await.is_err());
        assert_eq!(posts.count(Filter::is_null(PostColumn::Content)).await.unwrap(), 0);
        assert_eq!(posts.count(Filter::contains(PostColumn::Content, "x")).await.unwrap(), 0);
    }
}

async fn an_answer_that_is_kept_is_sealed_too(test: TestDatabase) {
    let access = tenant(&open_unchecked(&sealing(&test.variables()))).await;
    let (keys, id) = (access.idempotency(), Uuid::now_v7());
    keys.insert(NewIdempotencyRecord { id, ..NewIdempotencyRecord::default() }).await.unwrap();
    let body = Some(Some("secret answer".to_owned()));
    let changes = IdempotencyChanges { body, ..IdempotencyChanges::default() };
    keys.update(id, Filter::all(), changes).await.unwrap();
    assert_eq!(keys.get(id).await.unwrap().unwrap().body.as_deref(), Some("secret answer"));
    assert_eq!(test.number("SELECT count(*) FROM idempotency_keys WHERE body LIKE 'sealed:1:1:%'").await, 1);
}

async fn a_key_that_another_process_made_is_fetched(test: TestDatabase) {
    let variables = sealing(&test.variables());
    let (here, there) = (open_unchecked(&variables), open_unchecked(&variables));
    let access = tenant(&here).await;
    let user = author(&access).await;
    access.posts().insert(saying(user, "first")).await.unwrap();
    // One process knows one key, another one makes a second and seals with it.
    test.execute("UPDATE data_keys SET retired_at = created_at").await;
    let elsewhere = admit(&there, access.id()).await;
    assert_eq!(there.keys.make_next_for_test(access.id()).await, 2);
    let second = elsewhere.posts().insert(saying(user, "second")).await.unwrap();
    assert_eq!(stored_like(&test, "sealed:1:2:%").await, 1);
    assert_eq!(access.posts().get(second.id).await.unwrap().unwrap().content.as_deref(), Some("second"));
    // A retired key still opens what was sealed with it.
    let rows = elsewhere.posts().list(Filter::all()).slice(None, 10).await.unwrap().rows;
    assert_eq!(contents(&rows), [Some("second"), Some("first")]);
}

async fn a_key_expires_and_is_asked_for_anew(test: TestDatabase) {
    let variables = with(sealing(&test.variables()), &[("ENCRYPTION_KEY_TTL", "200ms")]);
    let (here, there) = (open_unchecked(&variables), open_unchecked(&variables));
    let access = tenant(&here).await;
    let user = author(&access).await;
    access.posts().insert(saying(user, "first")).await.unwrap();
    there.keys.make_next_for_test(access.id()).await;
    tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    access.posts().insert(saying(user, "second")).await.unwrap();
    assert_eq!((stored_like(&test, "sealed:1:1:%").await, stored_like(&test, "sealed:1:2:%").await), (1, 1));
    here.keys.forget(access.id());
    test.execute("DELETE FROM data_keys WHERE version = 1").await;
    assert!(access.posts().list(Filter::all()).slice(None, 10).await.is_err(), "what was forgotten is gone");
}

/// It was started before the others had a key: nothing is wrong with the request, and somebody has to restart it.
async fn a_process_without_the_key_does_not_serve_what_others_sealed(test: TestDatabase) {
    let without = open_unchecked(&test.variables());
    let access = tenant(&open_unchecked(&sealing(&test.variables()))).await;
    let post = access.posts().insert(saying(author(&access).await, "mine")).await.unwrap();
    let found = crate::tests::admitted(&without, access.id()).posts().get(post.id).await;
    assert!(matches!(&found, Err(Error::Unavailable(why)) if why.contains("ENCRYPTION_MASTER_KEY")), "{found:?}");
}

async fn an_installation_does_not_start_without_the_master_key_that_it_needs(test: TestDatabase) {
    let refused = async |variables: Variables| {
        crate::open(&super::settings(&variables)).map(|opened| opened.err().map(|error| error.to_string())).await
    };
    assert_eq!(refused(sealing(&test.variables())).await, None, "no key is wrapped yet");
    let access = tenant(&open_unchecked(&sealing(&test.variables()))).await;
    access.posts().insert(saying(author(&access).await, "mine")).await.unwrap();
    assert_eq!(refused(sealing(&test.variables())).await, None);
    let why = refused(test.variables()).await.expect("there is no master key");
    assert!(why.starts_with("ENCRYPTION_MASTER_KEY is not set"), "{why}");
    let wrong = with(test.variables(), &[("ENCRYPTION_MASTER_KEY", OTHER)]);
    let why = refused(wrong.clone()).await.expect("it is another one");
    assert!(why.starts_with("ENCRYPTION_MASTER_KEY is not the master key that wraps the keys of 1 tenant"), "{why}");
    assert!(!why.contains(KEY) && !why.contains(OTHER));
    let both = with(wrong, &[("ENCRYPTION_PREVIOUS_MASTER_KEYS", KEY)]);
    assert_eq!(refused(both).await, None);
    test.execute("UPDATE data_keys SET wrapped = 'AAAA'").await;
    assert!(refused(sealing(&test.variables())).await.is_some(), "the id is right, and the key is not");
}

#[tokio::test]
async fn keys_at_hand_are_bounded() {
    let test = TestDatabase::sqlite().await;
    let database = open_unchecked(&sealing(&test.variables()));
    let access = tenant(&database).await;
    let user = author(&access).await;
    access.posts().insert(saying(user, "mine")).await.unwrap();
    assert!(database.keys.crowd_for_test(25_000) <= 10_000);
    assert_eq!(contents(&access.posts().list(Filter::all()).slice(None, 10).await.unwrap().rows), [Some("mine")]);
}

/// An upsert keeps the id of the row that is there: a text that was sealed for another id would not open.
#[test]
fn where_texts_are_sealed_an_upsert_goes_by_the_id() {
    fn check<R: Owned>() {
        let by_id = is_among(R::ID, R::UPSERT_KEY);
        assert!(R::SEALED.is_empty() || by_id, "{}", R::Entity::default().table_name());
    }
    check::<user::Model>();
    check::<post::Model>();
    check::<idempotency::Model>();
}

#[tokio::test]
async fn a_tenant_that_is_in_no_catalog_gets_no_key() {
    let test = TestDatabase::sqlite().await;
    let access = admitted(&open_unchecked(&sealing(&test.variables())), Uuid::now_v7());
    assert!(access.posts().insert(saying(Uuid::now_v7(), "x")).await.is_err());
    assert_eq!(test.number("SELECT count(*) FROM data_keys").await, 0);
}

/// Whatever copy there is of the rows, with or without the place that they were in.
async fn a_purged_tenants_rows_cannot_be_read_from_a_copy(test: TestDatabase) {
    let database = open_unchecked(&sealing(&test.variables()));
    let access = tenant(&database).await;
    let user = author(&access).await;
    access.posts().insert(saying(user, "secret")).await.unwrap();
    for table in ["tenants", "users", "posts"] {
        test.execute(&format!("CREATE TABLE copy_of_{table} AS SELECT * FROM {table}")).await;
    }
    if let TestDatabase::Sqlite(file) = &test {
        let dump = file.path().with_extension("dump");
        test.execute(&format!("VACUUM INTO '{}'", dump.display())).await;
        let bytes = std::fs::read(dump).unwrap();
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        assert!(holds(b"sealed:1:1:") && !holds(b"secret"));
    }
    let gatekeeper = Gatekeeper::new(database.clone());
    let admin = gatekeeper.platform_admin("test", crate::Origin::command_line());
    let platform = gatekeeper.platform_for_test(&admin);
    platform.tenant_delete(access.id()).await.unwrap();
    let certificate = platform.tenant_purge(access.id()).await.unwrap();
    assert_eq!((certificate.destroyed[0].table.as_str(), certificate.destroyed[0].rows), ("data_keys", 1));
    assert_eq!(test.number("SELECT count(*) FROM data_keys").await, 0);

    test.execute("DELETE FROM departures").await;
    for table in ["tenants", "users", "posts"] {
        test.execute(&format!("INSERT INTO {table} SELECT * FROM copy_of_{table}")).await;
    }
    assert_eq!(test.number("SELECT count(*) FROM copy_of_posts WHERE content LIKE '%secret%'").await, 0);
    let same_process = access.posts().list(Filter::all()).slice(None, 10).await;
    assert!(matches!(&same_process, Err(Error::Internal(why)) if why.contains("does not open")), "{same_process:?}");
    let another = admit(&open_unchecked(&sealing(&test.variables())), access.id()).await;
    assert!(another.posts().list(Filter::all()).slice(None, 10).await.is_err());
}
