//! Changes and deletions of one row that stand alone.

use std::time::Duration;

use futures_util::future::join_all;
use testkit::TestDatabase;
use uuid::Uuid;

use super::scene::{MODELS, Scene, assert_waits};
use crate::vocabulary::{Isolation, Limits};
use crate::{Error, Filter, Post, PostChanges, PostColumn, UserChanges};

fn title(text: &str) -> PostChanges {
    PostChanges { title: Some(text.to_owned()), ..PostChanges::default() }
}

fn name(text: &str) -> UserChanges {
    UserChanges { name: Some(text.to_owned()), ..UserChanges::default() }
}

impl Scene {
    /// A scene where the statements of changes are prepared: the first of each waits for that too.
    async fn prepared(isolation: Isolation) -> Self {
        let scene = Self::set(isolation, &[]).await;
        let (posts, users) = (scene.tenant.posts(), scene.tenant.users());
        let author = scene.read().await.unwrap().user_id;
        let other = posts.insert(scene.draft("Other").await).await.unwrap().id;
        let own = Filter::eq(PostColumn::Version, 1);
        assert!(posts.update(other, own, title("Changed")).await.unwrap().is_some());
        assert!(posts.update(other, Filter::all(), title("Changed again")).await.unwrap().is_some());
        assert!(posts.delete(other, Filter::all()).await.unwrap());
        assert!(users.update(author, Filter::all(), name("Ada L.")).await.unwrap().is_some());
        scene
    }

    async fn read(&self) -> Option<Post> {
        self.tenant.posts().get(self.post).await.unwrap()
    }

    /// What PostgreSQL knows of tables it has hardly looked at is other than what it knows of small ones.
    async fn look_at_tables(&self) {
        let id = self.tenant.id();
        match self.tenant.tenant().isolation {
            Isolation::Database => self.test.execute_in(testkit::Own::Database, &id.to_string(), "ANALYZE").await,
            Isolation::Shared | Isolation::Schema => self.test.execute("ANALYZE").await,
        }
    }
}

#[tokio::test]
async fn a_change_waits_for_one_answer() {
    for isolation in MODELS {
        let scene = Scene::prepared(isolation).await;
        let (posts, users) = (scene.tenant.posts(), scene.tenant.users());
        for number in 0..12 {
            if number == 6 {
                scene.look_at_tables().await;
            }
            let own = Filter::eq(PostColumn::Version, number + 1);
            let change = title(&"x".repeat(1 + number as usize % 7));
            let (waits, changed) = scene.wire.waits_of(posts.update(scene.post, own, change)).await;
            assert_eq!(waits, 1, "{isolation}, change {number}");
            let changed = changed.unwrap().unwrap();
            assert_eq!((changed.version, Some(changed)), (number + 2, scene.read().await), "{isolation}");
        }
        let author = scene.read().await.unwrap().user_id;
        let (waits, renamed) = scene.wire.waits_of(users.update(author, Filter::all(), name("Augusta Ada"))).await;
        assert_eq!((waits, renamed.unwrap().unwrap().name.as_str()), (1, "Augusta Ada"), "{isolation}");
        scene.assert_tally_is_right().await;
        let (waits, deleted) = scene.wire.waits_of(posts.delete(scene.post, Filter::all())).await;
        assert_eq!((waits, deleted.unwrap(), scene.read().await), (1, true, None), "{isolation}");
        scene.assert_tally_is_right().await;
    }
}

/// A statement that changes nothing says nothing of why: that is looked at in a transaction.
#[tokio::test]
async fn what_does_not_match_is_left_alone() {
    for isolation in MODELS {
        let scene = Scene::set(isolation, &[]).await;
        let (posts, before) = (scene.tenant.posts(), scene.read().await);
        let stale = || Filter::eq(PostColumn::Version, 7);
        assert_eq!(posts.update(scene.post, stale(), title("Stale")).await.unwrap(), None);
        assert!(!posts.delete(scene.post, stale()).await.unwrap());
        assert_eq!(posts.update(Uuid::now_v7(), Filter::all(), title("Nobody's")).await.unwrap(), None);
        assert_eq!(scene.read().await, before, "{isolation}");
        scene.assert_tally_is_right().await;
    }
}

#[tokio::test]
async fn another_tenants_row_is_out_of_reach() {
    let scene = Scene::set(Isolation::Shared, &[]).await;
    let before = scene.read().await;
    let other = super::super::admitted(&scene.database, Uuid::now_v7());
    assert_eq!(other.posts().update(scene.post, Filter::all(), title("Mine")).await.unwrap(), None);
    assert!(!other.posts().delete(scene.post, Filter::all()).await.unwrap());
    assert_eq!(scene.read().await, before);
}

/// Nobody knows whether it was changed: so it is neither said to be, nor changed again.
#[tokio::test]
async fn a_change_whose_answer_was_lost_is_made_once() {
    for isolation in MODELS {
        let scene = Scene::prepared(isolation).await;
        scene.wire.cut_at_the_next_answer();
        let lost = scene.tenant.posts().update(scene.post, Filter::all(), title("Lost")).await;
        assert!(matches!(lost, Err(Error::Unavailable(_))), "{lost:?}");
        let found = scene.read().await.unwrap();
        assert_eq!((found.version, found.title.as_str()), (2, "Lost"), "{isolation}");
        scene.assert_tally_is_right().await;
    }
}

#[tokio::test]
async fn a_connection_that_died_at_rest_loses_no_change() {
    let scene = Scene::set(Isolation::Shared, &[]).await;
    scene.read().await;
    scene.test.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'tenantry%'").await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let changed = scene.tenant.posts().update(scene.post, Filter::all(), title("After")).await.unwrap();
    assert_eq!(changed.unwrap().version, 2);
}

#[tokio::test]
async fn a_change_is_refused_where_the_tenant_has_left() {
    for isolation in MODELS {
        let scene = Scene::set(isolation, &[]).await;
        let before = scene.read().await;
        scene.open_slots().await;
        scene.put_up_fence().await.unwrap();
        let posts = scene.tenant.posts();
        for text in ["A longer one", "Post 5"] {
            let refused = posts.update(scene.post, Filter::all(), title(text)).await;
            assert!(matches!(refused, Err(Error::Moving)), "{refused:?}");
        }
        let refused = posts.delete(scene.post, Filter::all()).await;
        assert!(matches!(refused, Err(Error::Moving)), "{refused:?}");
        assert_eq!(scene.read().await, before, "{isolation}");
        scene.assert_tally_is_right().await;
    }
}

#[tokio::test]
async fn a_change_without_a_slot_waits_for_whoever_holds_the_fence() {
    let scene = Scene::set(Isolation::Shared, &[("POOL_MAX", "2")]).await;
    let before = scene.read().await;
    let posts = scene.tenant.posts();
    scene.close_slots().await;
    let refused = scene.leave_before(posts.update(scene.post, Filter::all(), title("Waits"))).await;
    assert!(matches!(refused, Err(Error::Moving)), "{refused:?}");
    assert_eq!(scene.read().await, before);
}

/// One that has its slot has its row too, and waits for nobody any more.
#[tokio::test]
async fn the_fence_waits_for_whoever_holds_a_slot() {
    let scene = Scene::set(Isolation::Shared, &[("POOL_MAX", "2")]).await;
    for slot in [3, 11] {
        scene.open_slots().await;
        let holder = scene.hold(&format!("UPDATE tallies SET posts_rows = posts_rows WHERE slot = {slot}")).await;
        let mut fence = std::pin::pin!(scene.put_up_fence());
        assert_waits(&mut fence).await;
        holder.commit().await.unwrap();
        fence.await.unwrap();
    }
    scene.assert_tally_is_right().await;
}

/// An insert has a slot and waits for its author, whose row somebody has who then wants a slot: all of them end.
#[tokio::test]
async fn the_fence_does_not_wait_in_a_circle() {
    let scene = Scene::set(Isolation::Shared, &[("POOL_MAX", "3")]).await;
    let (draft, posts) = (scene.draft("Between").await, scene.tenant.posts());
    scene.open_slots().await;
    let mut change = scene.hold("SELECT 1 FROM users FOR UPDATE").await;
    let mut insert = std::pin::pin!(posts.insert(draft));
    assert_waits(&mut insert).await;
    let mut fence = std::pin::pin!(scene.put_up_fence());
    assert_waits(&mut fence).await;
    let change = async {
        change.run("UPDATE tallies SET posts_rows = posts_rows WHERE slot = 3").await.unwrap();
        change.commit().await.unwrap();
    };
    let (inserted, fence, ()) = tokio::join!(insert, fence, change);
    assert!(inserted.is_ok() && fence.is_ok(), "{inserted:?} {fence:?}");
    scene.assert_tally_is_right().await;
}

/// Whoever waited must see what was committed meanwhile.
#[tokio::test]
async fn the_fence_holds_whatever_isolation_is_the_servers_default() {
    let test = TestDatabase::postgres().await;
    let other = "ALTER DATABASE %I SET default_transaction_isolation = \"repeatable read\"";
    test.execute(&format!("DO $$ BEGIN EXECUTE format('{other}', current_database()); END $$")).await;
    let scene = Scene::set_in(test, Isolation::Shared, &[("POOL_MAX", "3")]).await;
    let (before, posts) = (scene.read().await, scene.tenant.posts());
    let holder = scene.hold("SELECT 1 FROM posts FOR UPDATE").await;
    let mut change = std::pin::pin!(posts.update(scene.post, Filter::all(), title("Post 5")));
    assert_waits(&mut change).await;
    scene.put_up_fence().await.unwrap();
    holder.commit().await.unwrap();
    let refused = change.await;
    assert!(matches!(refused, Err(Error::Moving)), "{refused:?}");
    assert_eq!(scene.read().await, before);
}

/// One that counts nothing has no slot to enter by.
#[tokio::test]
async fn a_change_that_counts_nothing_waits_for_whoever_holds_the_fence() {
    let scene = Scene::set(Isolation::Shared, &[("POOL_MAX", "2")]).await;
    let before = scene.read().await;
    let posts = scene.tenant.posts();
    scene.open_slots().await;
    let refused = scene.leave_before(posts.update(scene.post, Filter::all(), title("Post 5"))).await;
    assert!(matches!(refused, Err(Error::Moving)), "{refused:?}");
    assert_eq!(scene.read().await, before);
}

/// Nobody waits for a change that has not got its row yet: it has to find the fence when it has.
#[tokio::test]
async fn a_change_that_waits_for_its_row_while_the_fence_goes_up_is_not_made() {
    for text in ["A longer one", "Post 5"] {
        let scene = Scene::set(Isolation::Shared, &[("POOL_MAX", "3")]).await;
        let (before, posts) = (scene.read().await, scene.tenant.posts());
        scene.open_slots().await;
        let holder = scene.hold("SELECT 1 FROM posts FOR UPDATE").await;
        let mut change = std::pin::pin!(posts.update(scene.post, Filter::all(), title(text)));
        assert_waits(&mut change).await;
        scene.put_up_fence().await.unwrap();
        holder.commit().await.unwrap();
        let refused = change.await;
        assert!(matches!(refused, Err(Error::Moving)), "{text}: {refused:?}");
        assert_eq!(scene.read().await, before);
        scene.assert_tally_is_right().await;
    }
}

/// It began before the tenant left, and there was a slot then; but it must have it in the end.
#[tokio::test]
async fn a_change_that_waited_for_its_slot_and_lost_it_looks_at_the_fence() {
    let scene = Scene::set(Isolation::Shared, &[("POOL_MAX", "2")]).await;
    let (before, posts) = (scene.read().await, scene.tenant.posts());
    scene.open_slots().await;
    let holder = scene.hold("DELETE FROM tallies WHERE slot > 0").await;
    let mut change = std::pin::pin!(posts.update(scene.post, Filter::all(), title("A longer one")));
    assert_waits(&mut change).await;
    scene.leave().await;
    holder.commit().await.unwrap();
    let refused = change.await;
    assert!(matches!(refused, Err(Error::Moving)), "{refused:?}");
    assert_eq!(scene.read().await, before);
}

#[tokio::test]
async fn a_change_that_a_limit_concerns_looks_at_the_tally_before_it_lasts() {
    let scene = Scene::prepared(Isolation::Shared).await;
    let mut tenant = scene.tenant.tenant().clone();
    tenant.limits = Limits { storage_bytes: Some(100), ..Limits::default() };
    let limited = scene.database.access(tenant).unwrap();
    let posts = limited.posts();
    let too_long = posts.update(scene.post, Filter::all(), title(&"x".repeat(200))).await;
    assert!(matches!(too_long, Err(Error::QuotaExceeded { what: "storage_bytes" })), "{too_long:?}");
    assert_eq!(scene.read().await.unwrap().title, "Post 4");
    assert_eq!(posts.update(scene.post, Filter::all(), title("Short")).await.unwrap().unwrap().title, "Short");
    let (waits, deleted) = scene.wire.waits_of(posts.delete(scene.post, Filter::all())).await;
    assert_eq!((waits, deleted.unwrap()), (1, true), "what is deleted comes nearer to no limit");
    scene.assert_tally_is_right().await;
}

#[tokio::test]
async fn a_change_of_what_refers_to_another_row_is_a_transaction() {
    let scene = Scene::set(Isolation::Shared, &[]).await;
    let posts = scene.tenant.posts();
    let given_to = |user| PostChanges { user_id: Some(user), ..title("Given away") };
    let (waits, refused) = scene.wire.waits_of(posts.update(scene.post, Filter::all(), given_to(Uuid::now_v7()))).await;
    assert!(matches!(refused, Err(Error::MissingReference { field: "user_id" })), "{refused:?}");
    assert!(waits > 1, "{waits}");
    let author = scene.read().await.unwrap().user_id;
    assert!(posts.update(scene.post, Filter::all(), given_to(author)).await.unwrap().is_some());
    scene.assert_tally_is_right().await;
}

/// This process has no master key: another one has sealed the text. It cannot be answered with, so the change is not made.
#[tokio::test]
async fn a_change_of_a_row_that_does_not_open_is_not_made() {
    let scene = Scene::prepared(Isolation::Shared).await;
    let posts = scene.tenant.posts();
    scene.test.execute("UPDATE posts SET content = 'sealed:1:1:AAAA'").await;
    let refused = posts.update(scene.post, Filter::all(), title("Renamed")).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert_eq!(scene.count("Renamed").await, 0);
    let anew = PostChanges { content: Some(Some("Anew".to_owned())), ..title("Renamed") };
    let changed = posts.update(scene.post, Filter::all(), anew).await.unwrap().unwrap();
    assert_eq!((changed.version, changed.content.as_deref()), (2, Some("Anew")));
    let (waits, changed) = scene.wire.waits_of(posts.update(scene.post, Filter::all(), title("Again"))).await;
    assert_eq!((waits, changed.unwrap().unwrap().version), (1, 3));
}

/// Whoever comes second finds another row than it saw when it began.
#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_row_at_once_are_all_made() {
    let scene = Scene::set(Isolation::Shared, &[("POOL_MAX", "8")]).await;
    let posts = scene.tenant.posts();
    let changes = (0..200_usize).map(|number| posts.update(scene.post, Filter::all(), title(&"x".repeat(number % 30))));
    let changed = join_all(changes).await;
    let mut versions: Vec<i64> = changed.into_iter().map(|changed| changed.unwrap().unwrap().version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..=201).collect::<Vec<_>>());
    scene.assert_tally_is_right().await;
}

/// Changes and transactions lock rows first and a slot of the tally then, and inserts the other way round: in slots of their own.
#[tokio::test(flavor = "multi_thread")]
async fn changes_deletions_and_inserts_do_not_wait_for_each_other_in_a_circle() {
    let scene = Scene::set(Isolation::Shared, &[("POOL_MAX", "8")]).await;
    let (posts, users) = (scene.tenant.posts(), scene.tenant.users());
    for round in 0..15 {
        let (name, email) = ("Bob".to_owned(), format!("bob{round}@example.com"));
        let role = crate::vocabulary::Role::Member;
        let bob = crate::NewUser { tenant_id: None, id: None, name, email, role, created_at: None };
        let bob = users.insert(bob).await.unwrap();
        let mut his = Vec::new();
        for _ in 0..6 {
            let draft = crate::NewPost { user_id: bob.id, ..scene.draft("His").await };
            his.push(posts.insert(draft).await.unwrap().id);
        }
        let write = async |at: usize| {
            let post = his[at % his.len()];
            match at % 4 {
                0 => posts.update(post, Filter::all(), title(&"x".repeat(at))).await.map(|_| ()),
                1 => {
                    let own = PostChanges { user_id: Some(bob.id), ..title(&"y".repeat(at)) };
                    posts.update(post, Filter::all(), own).await.map(|_| ())
                }
                2 => posts.insert(crate::NewPost { user_id: bob.id, ..scene.draft("More").await }).await.map(|_| ()),
                _ if at == 19 => users.delete(bob.id, Filter::all()).await.map(|_| ()),
                _ => posts.delete(post, Filter::all()).await.map(|_| ()),
            }
        };
        for outcome in join_all((0..40).map(write)).await {
            let ok = matches!(outcome, Ok(()) | Err(Error::MissingReference { field: "user_id" }));
            assert!(ok, "{outcome:?}");
        }
        scene.assert_tally_is_right().await;
    }
}
