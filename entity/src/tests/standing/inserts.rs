//! Inserts that stand alone.

use std::time::Duration;

use uuid::Uuid;

use super::scene::{MODELS, Scene, assert_waits};
use crate::vocabulary::{Isolation, Limits};
use crate::{Error, Filter, NewPost};

#[tokio::test]
async fn an_insert_waits_for_one_answer() {
    for isolation in MODELS {
        let scene = Scene::set(isolation, &[]).await;
        for _ in 0..10 {
            let draft = scene.draft("One").await;
            let (waits, inserted) = scene.wire.waits_of(scene.tenant.posts().insert(draft)).await;
            assert_eq!(waits, 1, "{isolation}");
            let inserted = inserted.unwrap();
            let read = scene.tenant.posts().get(inserted.id).await.unwrap();
            assert_eq!(read, Some(inserted), "what is returned is what is stored");
        }
        scene.assert_tally_is_right().await;
    }
}

/// The server has inserted the row, and whoever sent it does not get to know.
#[tokio::test]
async fn a_row_whose_answer_was_lost_is_there_once() {
    for isolation in MODELS {
        let scene = Scene::set(isolation, &[]).await;
        scene.tenant.posts().insert(scene.draft("Before").await).await.unwrap();
        let draft = scene.draft("Lost").await;
        scene.wire.cut_at_the_next_answer();
        let (waits, inserted) = scene.wire.waits_of(scene.tenant.posts().insert(draft)).await;
        let inserted = inserted.unwrap();
        assert!(waits > 1, "it was not asked again: nothing was cut");
        assert_eq!(scene.count("Lost").await, 1, "{isolation}");
        assert_eq!(scene.tenant.posts().get(inserted.id).await.unwrap(), Some(inserted));
        scene.assert_tally_is_right().await;
    }
}

/// The row was inserted, its answer was lost, and the tenant left with it: nobody may be told that it was not.
#[tokio::test]
async fn a_row_whose_answer_was_lost_as_the_tenant_left_is_not_said_to_be_refused() {
    let scene = Scene::set(Isolation::Shared, &[]).await;
    let draft = scene.draft("Lost").await;
    scene
        .test
        .execute(
            "CREATE FUNCTION leaves() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN
                 INSERT INTO public.departures VALUES (new.tenant_id);
                 DELETE FROM public.tallies WHERE tenant_id = new.tenant_id AND slot > 0;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER leaves AFTER INSERT ON posts FOR EACH ROW EXECUTE FUNCTION leaves()",
        )
        .await;
    scene.wire.cut_at_the_next_answer();
    let lost = scene.tenant.posts().insert(draft).await;
    assert!(matches!(lost, Err(Error::Unavailable(_))), "{lost:?}");
    assert_eq!(scene.count("Lost").await, 1);
}

/// What the caller has named may be there for another reason: nothing is said of it that is not known.
#[tokio::test]
async fn a_row_with_a_given_id_is_not_taken_for_one_that_was_lost() {
    let scene = Scene::set(Isolation::Shared, &[]).await;
    let taken = NewPost { id: Some(scene.post), ..scene.draft("Again").await };
    let refused = scene.tenant.posts().insert(taken).await;
    assert!(matches!(refused, Err(Error::Conflict { field: Some("id") })), "{refused:?}");
    assert_eq!(scene.count("Again").await, 0);
}

#[tokio::test]
async fn an_insert_is_refused_where_the_tenant_has_left() {
    for isolation in MODELS {
        let scene = Scene::set(isolation, &[]).await;
        let draft = scene.draft("Late").await;
        scene.open_slots().await;
        scene.put_up_fence().await.unwrap();
        let refused = scene.tenant.posts().insert(draft).await;
        assert!(matches!(refused, Err(Error::Moving)), "{refused:?}");
        let changed = scene.tenant.posts().delete(scene.post, Filter::all()).await;
        assert!(matches!(changed, Err(Error::Moving)), "{changed:?}");
        assert_eq!((scene.count("Late").await, scene.count("Post 4").await), (0, 1), "{isolation}");
        scene.assert_tally_is_right().await;
    }
}

/// Whoever moves a tenant waits for the writes that are under way: a statement that stands alone is one.
#[tokio::test]
async fn an_insert_without_a_slot_waits_for_whoever_holds_the_fence() {
    let scene = Scene::set(Isolation::Shared, &[("POOL_MAX", "2")]).await;
    let draft = scene.draft("Waits").await;
    scene.close_slots().await;
    let refused = scene.leave_before(scene.tenant.posts().insert(draft)).await;
    assert!(matches!(refused, Err(Error::Moving)), "{refused:?}");
}

#[tokio::test]
async fn the_fence_waits_for_an_insert_that_has_a_slot() {
    let scene = Scene::set(Isolation::Shared, &[("POOL_MAX", "3")]).await;
    let (draft, posts) = (scene.draft("Under way").await, scene.tenant.posts());
    scene.open_slots().await;
    let holder = scene.hold("SELECT 1 FROM users FOR UPDATE").await;
    let mut insert = std::pin::pin!(posts.insert(draft));
    assert_waits(&mut insert).await;
    let mut fence = std::pin::pin!(scene.put_up_fence());
    assert_waits(&mut fence).await;
    holder.commit().await.unwrap();
    let (inserted, up) = tokio::join!(insert, fence);
    assert!(inserted.is_ok() && up.is_ok(), "{inserted:?} {up:?}");
    assert_eq!(scene.count("Under way").await, 1);
    let refused = posts.insert(scene.draft("Late").await).await;
    assert!(matches!(refused, Err(Error::Moving)), "{refused:?}");
    scene.assert_tally_is_right().await;
}

/// It began before the tenant left, and found its slot then; but it must have it in the end.
#[tokio::test]
async fn an_insert_that_waited_for_its_slot_and_lost_it_looks_at_the_fence() {
    let scene = Scene::set(Isolation::Shared, &[("POOL_MAX", "2")]).await;
    let (draft, posts) = (scene.draft("Late").await, scene.tenant.posts());
    scene.open_slots().await;
    let holder = scene.hold("DELETE FROM tallies WHERE slot > 0").await;
    let mut insert = std::pin::pin!(posts.insert(draft));
    assert_waits(&mut insert).await;
    scene.leave().await;
    holder.commit().await.unwrap();
    let refused = insert.await;
    assert!(matches!(refused, Err(Error::Moving)), "{refused:?}");
    assert_eq!(scene.count("Late").await, 0);
}

/// Whoever goes away in the middle leaves no row, and no connection that is in the middle of something.
#[tokio::test]
async fn an_insert_that_is_broken_off_leaves_nothing() {
    let scene = Scene::set(Isolation::Shared, &[("POOL_MAX", "2")]).await;
    let draft = scene.draft("Broken off").await;
    scene.close_slots().await;
    let holder = scene.hold_fence().await;
    let broken_off = tokio::time::timeout(Duration::from_millis(300), scene.tenant.posts().insert(draft)).await;
    assert!(broken_off.is_err(), "{broken_off:?}");
    // The server looks every 100 ms whether anybody still waits.
    tokio::time::sleep(Duration::from_millis(500)).await;
    holder.commit().await.unwrap();
    for _ in 0..3 {
        assert_eq!(scene.count("Broken off").await, 0);
    }
    scene.assert_tally_is_right().await;
}

#[tokio::test]
async fn an_insert_that_a_limit_concerns_looks_at_the_tally_before_it_lasts() {
    let scene = Scene::set(Isolation::Shared, &[]).await;
    let mut tenant = scene.tenant.tenant().clone();
    tenant.limits = Limits { posts: Some(6), ..Limits::default() };
    let limited = scene.database.access(tenant).unwrap();
    let posts = limited.posts();
    let (waits, inserted) = scene.wire.waits_of(posts.insert(scene.draft("Sixth").await)).await;
    assert!(waits > 1 && inserted.is_ok(), "{waits} {inserted:?}");
    let refused = posts.insert(scene.draft("Seventh").await).await;
    assert!(matches!(refused, Err(Error::QuotaExceeded { what: "posts" })), "{refused:?}");
    assert_eq!(scene.count("Seventh").await, 0);
}

#[tokio::test]
async fn nothing_of_another_tenant_can_be_inserted() {
    let scene = Scene::set(Isolation::Shared, &[]).await;
    let claimed = NewPost { tenant_id: Some(Uuid::now_v7()), ..scene.draft("Foreign").await };
    let refused = scene.tenant.posts().insert(claimed).await;
    assert!(matches!(refused, Err(Error::ForeignTenant)), "{refused:?}");
    let of_nobody = NewPost { user_id: Uuid::now_v7(), ..scene.draft("Of nobody").await };
    let (waits, refused) = scene.wire.waits_of(scene.tenant.posts().insert(of_nobody)).await;
    assert!(matches!(refused, Err(Error::MissingReference { field: "user_id" })), "{refused:?}");
    assert_eq!(waits, 1, "a statement that failed leaves nothing to be undone");
    scene.assert_tally_is_right().await;
}
