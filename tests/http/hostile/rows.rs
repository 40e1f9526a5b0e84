//! Reaching for the other tenant's rows by id, by condition and by search.

use serde_json::json;
use uuid::Uuid;

use super::World;
use crate::every_fleet;
use crate::support::TestApp;

every_fleet! {
    /// However an id is written, another tenant's is answered as one that does not exist.
    async fn an_id_in_any_spelling_opens_nothing(app: TestApp) {
        let world = World::new(app).await;
        let spellings: [fn(&str) -> String; 9] = [
            |id| id.to_owned(),
            |id| id.to_uppercase(),
            |id| id.replace('-', ""),
            |id| format!("%7B{id}%7D"),
            |id| format!("urn:uuid:{id}"),
            |id| format!("{id}/"),
            |id| format!("{id}%00"),
            |id| format!("{id}%20"),
            |id| format!("{id}%2F..%2F{id}"),
        ];
        let nobody = Uuid::now_v7().to_string();
        for spell in spellings {
            for (resource, id) in [("users", &world.globex.users[0].id), ("posts", &world.globex.posts[0].id)] {
                let path = |id: &str| format!("/v1/{resource}/{}", spell(id));
                let (there, nowhere) = (path(id), path(&nobody));
                let token = world.admin();
                let get = |path: &str| world.app.get(path).bearer(&token);
                let patch = |path: &str| world.app.patch(path).json(&json!({})).bearer(&token);
                let delete = |path: &str| world.app.delete(path).bearer(&token);
                for (there, nowhere) in [
                    (get(&there), get(&nowhere)),
                    (patch(&there), patch(&nowhere)),
                    (delete(&there), delete(&nowhere)),
                    (get(&format!("{there}/posts")), get(&format!("{nowhere}/posts"))),
                ] {
                    let answer = world.same(there, nowhere, &path(id)).await;
                    assert!(matches!(answer.status, 400 | 404), "{}: {answer:?}", path(id));
                }
            }
        }
        world.victim_is_untouched().await;
    }

    /// An entity tag of the other tenant is worth nothing: on its own row, and on one's own.
    async fn a_condition_of_the_other_tenant_fits_nothing(app: TestApp) {
        let world = World::new(app).await;
        let (token, etag) = (world.admin(), &world.globex.posts[0].etag);
        let other = format!("/v1/posts/{}", world.globex.posts[0].id);
        let own = format!("/v1/posts/{}", world.acme.posts[0].id);
        let nowhere = format!("/v1/posts/{}", Uuid::now_v7());
        for condition in [etag.as_str(), "*", &format!("W/{etag}"), &format!("\"x\", {etag}")] {
            for name in ["if-match", "if-none-match"] {
                let with = |path: &str| {
                    let title = json!({ "title": "Mine now" });
                    let get = world.app.get(path).header(name, condition).bearer(&token);
                    let patch = world.app.patch(path).json(&title).header(name, condition).bearer(&token);
                    [get, patch, world.app.delete(path).header(name, condition).bearer(&token)]
                };
                for (there, not_there) in with(&other).into_iter().zip(with(&nowhere)) {
                    world.same(there, not_there, condition).await.is((404, "not_found"), condition);
                }
            }
            if condition != "*" {
                let patch = world.app.patch(&own).json(&json!({ "title": "x" })).header("if-match", condition);
                world.attack(patch.bearer(&token), condition).await.is((412, "precondition_failed"), condition);
            }
        }
        world.victim_is_untouched().await;
    }

    async fn no_search_and_no_page_finds_the_other_tenant(app: TestApp) {
        let world = World::new(app).await;
        let token = world.member();
        let victims = ["Victoria", "victoria", "globex", "secret", "@globex.test", "About", &world.globex.tenant.id];
        let tricks = [
            "",
            "%",
            "_",
            "%%",
            "%secret%",
            "\\",
            "\\%",
            "'",
            "''",
            "\"",
            "' OR '1'='1",
            "' OR 1=1 --",
            "') OR tenant_id IS NOT NULL --",
            "' UNION SELECT * FROM users --",
            "'; DROP TABLE posts; --",
            "*",
            "[a-z]",
            ".*",
            "\u{0}",
            "\u{ff05}",
            "\u{202e}terces",
            "ſecret",
            "SECRET",
            "𝕤ecret",
            "a\u{301}",
            "$1",
            "?",
            "?1",
            ":q",
            "{}",
            "%s",
            "%00",
        ];
        for text in victims.into_iter().chain(tricks) {
            for list in ["/v1/users", "/v1/posts", "/v1/users?include=posts"] {
                let answer = world.attack(world.app.get(list).query(&[("q", text)]).bearer(&token), text).await;
                assert!(matches!(answer.status, 200 | 422), "{text:?}: {answer:?}");
                if victims.contains(&text) && !["secret", "About"].contains(&text) {
                    assert_eq!(answer.data().len(), 0, "{text:?}: {}", answer.text);
                }
            }
            let page = world.app.get("/v1/posts?page=1").query(&[("q", text)]).bearer(&token);
            let page = world.attack(page, text).await;
            assert!(page.status == 422 || page.json()["total"].as_u64() <= Some(6), "{text:?}: {}", page.text);
        }
        for page in
            ["1", "2", "999999999", "1000000000", "18446744073709551615", "9223372036854775807", "-1", "0", "1e9", "x"]
        {
            for limit in ["1", "100", "101", "0", "-1", "9223372036854775807", "x", ""] {
                for list in ["/v1/users?include=posts", "/v1/posts"] {
                    let call = world.app.get(list).query(&[("page", page), ("limit", limit)]).bearer(&token);
                    let answer = world.attack(call, page).await;
                    assert!(matches!(answer.status, 200 | 422), "page {page}, limit {limit}: {answer:?}");
                }
            }
        }
        world.victim_is_untouched().await;
    }
}
