//! `ETag`, `If-None-Match` and `If-Match`.

use serde_json::json;
use uuid::Uuid;

use crate::every_place;
use crate::expect::{at_once, count};
use crate::support::{TestApp, tokens};

every_place! {
    async fn a_version_that_the_client_has_is_not_sent_again(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let post = app.post_of(&acme, &ada.id, "One").await;
        let (viewer, platform) = (acme.token("viewer"), tokens::platform());
        for (path, token) in [
            (format!("/v1/users/{}", ada.id), &viewer),
            (format!("/v1/posts/{}", post.id), &viewer),
            ("/v1/tenant".to_owned(), &viewer),
            ("/admin/v1/tenants/acme".to_owned(), &platform),
        ] {
            let get = |tags: &str| app.get(&path).bearer(token).header("If-None-Match", tags);
            let etag = app.get(&path).bearer(token).send().await.expect(200).etag();
            assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 2, "a strong tag: {etag}");
            for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
                let answer = get(&known).send().await.expect(304);
                assert_eq!((answer.text.as_str(), answer.etag()), ("", etag.clone()), "{path} {known}");
            }
            for other in ["\"x\"", "W/\"x\"", "nonsense", "\"1\", \"2\""] {
                assert_eq!(get(other).send().await.expect(200).etag(), etag, "{path} {other}");
            }
        }
    }

    async fn a_change_makes_another_version(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let path = format!("/v1/users/{}", ada.id);
        let admin = acme.token("admin");
        let changed = app.patch(&path).bearer(&admin).json(&json!({"name": "Ada King"})).send().await.expect(200);
        assert_ne!(changed.etag(), ada.etag);
        let get = |tag: &str| app.get(&path).bearer(&admin).header("If-None-Match", tag);
        assert_eq!(get(&ada.etag).send().await.expect(200).json()["name"], "Ada King");
        get(&changed.etag()).send().await.expect(304);
    }

    async fn two_rows_never_have_one_tag(app: TestApp) {
        let acme = app.tenant("acme").await;
        let (ada, bob) = (app.user(&acme, "ada").await, app.user(&acme, "bob").await);
        assert_ne!(ada.etag, bob.etag);
        let other = app.get(&format!("/v1/users/{}", bob.id)).bearer(&acme.token("viewer"));
        other.header("If-None-Match", &ada.etag).send().await.expect(200);
    }

    async fn a_write_that_names_a_stale_version_is_refused(app: TestApp) {
        let acme = app.tenant("acme").await;
        let (ada, bob) = (app.user(&acme, "ada").await, app.user(&acme, "bob").await);
        let post = app.post_of(&acme, &ada.id, "One").await;
        let admin = acme.token("admin");
        for (path, row, other, change) in [
            (format!("/v1/posts/{}", post.id), &post, &ada.etag, json!({"title": "x"})),
            (format!("/v1/users/{}", ada.id), &ada, &bob.etag, json!({"name": "x"})),
        ] {
            let patch = |tag: &str| app.patch(&path).bearer(&admin).header("If-Match", tag).json(&change).send();
            let delete = |tag: &str| app.delete(&path).bearer(&admin).header("If-Match", tag).send();
            let newer = patch(&row.etag).await.expect(200).etag();
            for stale in
                [&row.etag, other, "\"x\"", "nonsense", &format!("W/{newer}"), &format!("{}, {other}", row.etag)]
            {
                patch(stale).await.is((412, "precondition_failed"), stale);
                delete(stale).await.is((412, "precondition_failed"), stale);
            }
            let unchanged = app.get(&path).bearer(&admin).send().await.expect(200);
            assert_eq!(unchanged.etag(), newer, "a refused write changes nothing");
            let newer = patch(&format!("{}, {newer}", row.etag)).await.expect(200).etag();
            let newest = patch("*").await.expect(200).etag();
            assert_ne!(newest, newer);
            delete(&newest).await.expect(204);
            patch(&newest).await.refused(404, "not_found");
            delete("*").await.refused(404, "not_found");
        }
        let path = format!("/v1/posts/{}", Uuid::now_v7());
        app.delete(&path).bearer(&admin).header("If-Match", &post.etag).send().await.refused(404, "not_found");
    }

    async fn a_member_learns_nothing_more_by_naming_versions(app: TestApp) {
        let acme = app.tenant("acme").await;
        let (ada, bob) = (app.user(&acme, "ada").await, app.user(&acme, "bob").await);
        let post = app.post_of(&acme, &bob.id, "Bob's").await;
        let member = acme.token_of("member", &ada.id);
        for tag in [&post.etag, "\"x\"", "*"] {
            let patch = app.patch(&format!("/v1/posts/{}", post.id)).bearer(&member).header("If-Match", tag);
            patch.json(&json!({"title": "x"})).send().await.refused(403, "forbidden");
        }
    }

    async fn of_20_writers_with_one_version_one_wins(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let post = app.post_of(&acme, &ada.id, "One").await;
        let admin = acme.token("admin");
        for (path, row, field) in
            [(format!("/v1/users/{}", ada.id), &ada, "name"), (format!("/v1/posts/{}", post.id), &post, "title")]
        {
            let writer = |number: usize| {
                let change = json!({field: format!("Writer {number}")});
                app.patch(&path).bearer(&admin).header("If-Match", &row.etag).json(&change)
            };
            let answers = at_once((0..20).map(writer)).await;
            assert_eq!((count(&answers, 200), count(&answers, 412)), (1, 19), "{path}");
            let winner = answers.iter().find(|answer| answer.status == 200).unwrap();
            let now = app.get(&path).bearer(&admin).send().await.expect(200);
            assert_eq!((now.json(), now.etag()), (winner.json(), winner.etag()));
        }
    }

    async fn of_20_deletes_with_one_version_one_wins(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let admin = acme.token("admin");
        let delete = |_| app.delete(&format!("/v1/users/{}", ada.id)).bearer(&admin).header("If-Match", &ada.etag);
        let answers = at_once((0..20).map(delete)).await;
        assert_eq!((count(&answers, 204), count(&answers, 404)), (1, 19));
    }

    async fn without_a_version_every_writer_is_heard(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let admin = acme.token("admin");
        let writer = |number: usize| {
            app.patch(&format!("/v1/users/{}", ada.id))
                .bearer(&admin)
                .json(&json!({"name": format!("Writer {number}")}))
        };
        let answers = at_once((0..20).map(writer)).await;
        assert_eq!(count(&answers, 200), 20);
        let mut tags: Vec<_> = answers.iter().map(|answer| answer.etag()).collect();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), 20, "each saw a version of its own");
    }

    async fn tenants_have_versions_too(app: TestApp) {
        let acme = app.tenant("acme").await;
        let platform = tokens::platform();
        let path = format!("/admin/v1/tenants/{}", acme.id);
        let first = app.get(&path).bearer(&platform).send().await.expect(200).etag();
        let patch = |tag: &str, name: &str| {
            app.patch(&path).bearer(&platform).header("If-Match", tag).json(&json!({"name": name})).send()
        };
        let second = patch(&first, "Second").await.expect(200).etag();
        patch(&first, "Stale").await.refused(412, "precondition_failed");
        app.delete(&path).bearer(&platform).header("If-Match", &first).send().await.refused(412, "precondition_failed");
        let writer = |number: usize| {
            let change = json!({"name": format!("Writer {number}")});
            app.patch(&path).bearer(&platform).header("If-Match", &second).json(&change)
        };
        let answers = at_once((0..20).map(writer)).await;
        assert_eq!((count(&answers, 200), count(&answers, 412)), (1, 19));
        app.delete(&path).bearer(&platform).header("If-Match", "*").send().await.expect(204);
    }
}
