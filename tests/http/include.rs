//! `GET /v1/users?include=posts`.

use serde_json::{Value, json};

use crate::every_place;
use crate::support::TestApp;

every_place! {
    async fn each_user_brings_its_newest_posts_and_at_most_20(app: TestApp) {
        let acme = app.tenant("acme").await;
        let (ada, bob, eve) =
            (app.user(&acme, "ada").await, app.user(&acme, "bob").await, app.user(&acme, "eve").await);
        let mut of_ada = Vec::new();
        for number in 0..22 {
            of_ada.push(app.post_of(&acme, &ada.id, &format!("Ada {number}")).await.json);
        }
        let of_bob = app.post_of(&acme, &bob.id, "Bob").await.json;
        of_ada.reverse();

        let list =
            async |query| app.get("/v1/users").query(query).bearer(&acme.token("viewer")).send().await.expect(200);
        let users = list(&[("include", "posts")]).await.data();
        let with = |user: &Value, posts: &[Value]| {
            let mut user = user.clone();
            user["posts"] = json!(posts);
            user
        };
        assert_eq!(users, [with(&eve.json, &[]), with(&bob.json, &[of_bob]), with(&ada.json, &of_ada[..20])]);
        assert_eq!(list(&[]).await.data(), [eve.json, bob.json, ada.json], "only when asked for");
    }

    async fn it_goes_with_paging_and_search(app: TestApp) {
        let acme = app.tenant("acme").await;
        for name in ["ada", "bob", "adam"] {
            let user = app.user(&acme, name).await;
            app.post_of(&acme, &user.id, name).await;
        }
        let list =
            async |query| app.get("/v1/users").query(query).bearer(&acme.token("viewer")).send().await.expect(200);
        let titles = |data: &[Value]| data.iter().map(|user| user["posts"][0]["title"].clone()).collect::<Vec<_>>();
        let page = list(&[("include", "posts"), ("q", "ADA"), ("page", "1"), ("limit", "1")]).await;
        assert_eq!((titles(&page.data()), &page.json()["total"]), (vec![json!("adam")], &json!(2)));
        let first = list(&[("include", "posts"), ("limit", "2")]).await;
        let cursor = first.json()["next_cursor"].as_str().expect("there is more").to_owned();
        let second = list(&[("include", "posts"), ("limit", "2"), ("cursor", &cursor)]).await;
        assert_eq!(titles(&second.data()), [json!("ada")]);
    }

    async fn nothing_else_can_be_brought_along(app: TestApp) {
        let acme = app.tenant("acme").await;
        for include in ["", "users", "posts,users", "POSTS"] {
            let list = app.get("/v1/users").query(&[("include", include)]).bearer(&acme.token("viewer"));
            assert_eq!(list.send().await.wrong_fields(), ["include"], "{include:?}");
        }
    }
}
