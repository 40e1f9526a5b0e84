//! Lists: by cursor and by page, and what they are searched for.

use serde_json::{Value, json};

use crate::every_place;
use crate::support::{Answer, Row, Tenant, TestApp};

/// A tenant with one user and this many posts, oldest first.
async fn with_posts(app: &TestApp, count: usize) -> (Tenant, Vec<String>) {
    let acme = app.tenant("acme").await;
    let ada = app.user(&acme, "ada").await;
    let mut posts = Vec::new();
    for number in 0..count {
        posts.push(app.post_of(&acme, &ada.id, &format!("Post {number}")).await.id);
    }
    (acme, posts)
}

async fn list(app: &TestApp, tenant: &Tenant, path: &str, query: &[(&str, &str)]) -> Answer {
    app.get(path).query(query).bearer(&tenant.token("viewer")).send().await
}

fn next_cursor(answer: &Answer) -> Option<String> {
    answer.json()["next_cursor"].as_str().map(str::to_owned)
}

/// Every slice of a list, from the first to the last.
async fn walked(app: &TestApp, tenant: &Tenant, path: &str, limit: &str) -> Vec<Vec<String>> {
    let mut slices = Vec::new();
    let mut cursor = None;
    loop {
        let mut query = vec![("limit", limit)];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let answer = list(app, tenant, path, &query).await.expect(200);
        slices.push(answer.column("id"));
        cursor = next_cursor(&answer);
        if cursor.is_none() {
            return slices;
        }
    }
}

every_place! {
    async fn a_list_is_newest_first_and_20_rows_unless_told_otherwise(app: TestApp) {
        let (acme, mut posts) = with_posts(&app, 21).await;
        posts.reverse();
        let usual = list(&app, &acme, "/v1/posts", &[]).await.expect(200);
        assert_eq!(usual.column("id"), posts[..20]);
        let mut members: Vec<_> = usual.json().as_object().unwrap().keys().cloned().collect();
        members.sort_unstable();
        assert_eq!(members, ["data", "next_cursor"]);
        for (limit, length) in [("1", 1), ("21", 21), ("100", 21)] {
            let answer = list(&app, &acme, "/v1/posts", &[("limit", limit)]).await.expect(200);
            assert_eq!(answer.column("id"), posts[..length], "limit {limit}");
            assert_eq!(next_cursor(&answer).is_some(), length < 21, "limit {limit}");
        }
    }

    async fn following_the_cursor_finds_every_row_once(app: TestApp) {
        let (acme, mut posts) = with_posts(&app, 12).await;
        posts.reverse();
        for (limit, sizes) in [("5", vec![5, 5, 2]), ("4", vec![4, 4, 4]), ("12", vec![12]), ("1", vec![1; 12])] {
            let slices = walked(&app, &acme, "/v1/posts", limit).await;
            assert_eq!(slices.concat(), posts, "limit {limit}");
            assert_eq!(slices.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "limit {limit}: no slice is empty");
        }
        for name in ["bob", "eve", "joe"] {
            app.user(&acme, name).await;
        }
        let users = walked(&app, &acme, "/v1/users", "3").await;
        assert_eq!(users.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
    }

    async fn rows_that_come_and_go_meanwhile_cost_no_other_row(app: TestApp) {
        let (acme, posts) = with_posts(&app, 30).await;
        let admin = acme.token("admin");
        let author = list(&app, &acme, "/v1/users", &[]).await.column("id").remove(0);
        let (mut seen, mut cursor, mut gone) = (Vec::new(), None::<String>, Vec::new());
        for oldest in &posts {
            let mut query = vec![("limit", "4")];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let answer = list(&app, &acme, "/v1/posts", &query).await.expect(200);
            seen.extend(answer.column("id"));
            cursor = next_cursor(&answer);
            if cursor.is_none() {
                break;
            }
            // One new row; and gone are the row at which the cursor stands, and one that is still to come.
            app.post_of(&acme, &author, "Newer").await;
            let standing = seen.last().expect("a row").clone();
            for id in [standing, oldest.clone()] {
                let deleted = app.delete(&format!("/v1/posts/{id}")).bearer(&admin).send().await;
                gone.extend((deleted.status == 204).then_some(id));
            }
        }
        let lost: Vec<_> = posts.iter().filter(|id| !gone.contains(id) && !seen.contains(id)).collect();
        assert!(lost.is_empty(), "rows that were there all the time are lost: {lost:?}");
        let mut once = seen.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), seen.len(), "no row comes twice");
        assert!(gone.len() >= 6 && seen.iter().all(|id| posts.contains(id)), "only what was there at the start");
    }

    async fn an_empty_list_is_a_list(app: TestApp) {
        let acme = app.tenant("acme").await;
        for path in ["/v1/users", "/v1/posts"] {
            let answer = list(&app, &acme, path, &[]).await.expect(200);
            assert_eq!(answer.json(), json!({"data": [], "next_cursor": null}));
            let answer = list(&app, &acme, path, &[("page", "1")]).await.expect(200);
            let nothing = json!({"data": [], "next_cursor": null, "page": 1, "limit": 20, "total": 0});
            assert_eq!(answer.json(), nothing);
        }
    }

    async fn pages_count_from_1_and_tell_the_total(app: TestApp) {
        let (acme, mut posts) = with_posts(&app, 7).await;
        posts.reverse();
        for (number, rows) in
            [("1", &posts[..3]), ("2", &posts[3..6]), ("3", &posts[6..]), ("4", &[]), ("1000000000", &[])]
        {
            let answer = list(&app, &acme, "/v1/posts", &[("page", number), ("limit", "3")]).await.expect(200);
            assert_eq!(answer.column("id"), rows, "page {number}");
            let body = answer.json();
            let number: u64 = number.parse().unwrap();
            assert_eq!(
                (&body["page"], &body["limit"], &body["total"], &body["next_cursor"]),
                (&json!(number), &json!(3), &json!(7), &Value::Null)
            );
        }
    }

    async fn a_wrong_parameter_is_named(app: TestApp) {
        let acme = app.tenant("acme").await;
        let long = "x".repeat(256);
        for path in ["/v1/users", "/v1/posts"] {
            for (query, field) in [
                (("limit", "0"), "limit"),
                (("limit", "101"), "limit"),
                (("limit", "-1"), "limit"),
                (("limit", "ten"), "limit"),
                (("limit", ""), "limit"),
                (("limit", "99999999999999999999"), "limit"),
                (("page", "0"), "page"),
                (("page", "-1"), "page"),
                (("page", "1.5"), "page"),
                (("page", "1000000001"), "page"),
                (("q", long.as_str()), "q"),
                (("q", "a\0b"), "q"),
            ] {
                assert_eq!(list(&app, &acme, path, &[query]).await.wrong_fields(), [field], "{path} {query:?}");
            }
            let both = list(&app, &acme, path, &[("page", "1"), ("cursor", "x")]).await;
            assert_eq!(both.wrong_fields(), ["page"]);
            list(&app, &acme, path, &[("q", &long[1..]), ("colour", "red")]).await.expect(200);
        }
    }

    async fn what_is_no_cursor_of_this_list_is_malformed(app: TestApp) {
        let (acme, posts) = with_posts(&app, 3).await;
        app.user(&acme, "bob").await;
        let one = [("limit", "1")];
        let good = next_cursor(&list(&app, &acme, "/v1/posts", &one).await).expect("there is more");
        let of_users = next_cursor(&list(&app, &acme, "/v1/users", &one).await).expect("there is more");
        let globex = app.tenant("globex").await;
        let eve = app.user(&globex, "eve").await;
        app.post_of(&globex, &eve.id, "1").await;
        app.post_of(&globex, &eve.id, "2").await;
        let foreign = next_cursor(&list(&app, &globex, "/v1/posts", &one).await).expect("there is more");

        let garbage = ["", "x", "....", "%00", &good[1..], &good[..good.len() - 2], &posts[0]].map(str::to_owned);
        for cursor in garbage.iter().chain([&format!("{good}{good}"), &of_users, &foreign]) {
            list(&app, &acme, "/v1/posts", &[("cursor", cursor)]).await.is((400, "malformed"), cursor);
        }
        list(&app, &acme, "/v1/posts", &[("cursor", &good)]).await.expect(200);
        for (at, _) in good.char_indices().step_by(2) {
            let altered = format!("{}_{}", &good[..at], &good[at + 1..]);
            let answer = list(&app, &acme, "/v1/posts", &[("cursor", &altered)]).await;
            let own = || answer.column("id").iter().all(|id| posts.contains(id));
            assert!(answer.code() == "malformed" || answer.status == 200 && own(), "{altered}: {}", answer.text);
        }
    }

    async fn a_search_ignores_case_and_takes_percent_and_underscore_as_they_are(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let mut ids = Vec::new();
        for title in ["100% true", "100 true", "snake_case", "snakeXcase", "Über Äpfel", "back\\slash", "'quoted'; --"]
        {
            ids.push(app.post_of(&acme, &ada.id, title).await.id);
        }
        for (q, found) in [
            ("%", vec![0]),
            ("_", vec![2]),
            ("100%", vec![0]),
            ("100", vec![1, 0]),
            ("E_C", vec![2]),
            ("SNAKE", vec![3, 2]),
            ("über", vec![4]),
            ("ÄPFEL", vec![4]),
            ("\\", vec![5]),
            ("'; --", vec![6]),
            ("true ", vec![]),
            ("About", vec![]),
            ("*", vec![]),
        ] {
            let expected: Vec<_> = found.iter().map(|index| ids[*index].clone()).collect();
            let answer = list(&app, &acme, "/v1/posts", &[("q", q)]).await.expect(200);
            assert_eq!(answer.column("id"), expected, "q={q}");
            let page = list(&app, &acme, "/v1/posts", &[("q", q), ("page", "1")]).await.expect(200);
            assert_eq!((page.column("id"), &page.json()["total"]), (expected, &json!(found.len())), "q={q}");
        }
        assert_eq!(list(&app, &acme, "/v1/posts", &[("q", "")]).await.data().len(), 7, "an empty search finds all");
    }

    async fn users_are_searched_by_name_and_email(app: TestApp) {
        let acme = app.tenant("acme").await;
        let make = async |name: &str, email: &str| -> Row {
            let draft = json!({"name": name, "email": email});
            let answer = app.post("/v1/users").bearer(&acme.token("admin")).json(&draft).send().await.expect(201);
            Row { id: answer.json()["id"].as_str().unwrap().to_owned(), etag: answer.etag(), json: answer.json() }
        };
        let ada = make("Ada Lovelace", "countess@example.com").await;
        let bob = make("Bob Countess", "bob_1@example.org").await;
        let eve = make("Ève", "eve@EXAMPLE.org").await;
        for (q, found) in [
            ("COUNTESS", vec![&bob, &ada]),
            ("lovelace", vec![&ada]),
            ("example.ORG", vec![&eve, &bob]),
            ("_", vec![&bob]),
            ("ÈVE", vec![&eve]),
            ("nobody", vec![]),
        ] {
            let expected: Vec<_> = found.iter().map(|row| row.json.clone()).collect();
            assert_eq!(list(&app, &acme, "/v1/users", &[("q", q)]).await.expect(200).data(), expected, "q={q}");
        }
    }

    async fn a_search_goes_on_from_its_cursor(app: TestApp) {
        let acme = app.tenant("acme").await;
        let ada = app.user(&acme, "ada").await;
        let mut apples = Vec::new();
        for number in 0..5 {
            apples.insert(0, app.post_of(&acme, &ada.id, &format!("Apple {number}")).await.id);
            app.post_of(&acme, &ada.id, &format!("Pear {number}")).await;
        }
        for path in ["/v1/posts", &format!("/v1/users/{}/posts", ada.id)] {
            let first = list(&app, &acme, path, &[("q", "apple"), ("limit", "3")]).await.expect(200);
            let cursor = next_cursor(&first).expect("there is more");
            let rest = [("q", "apple"), ("limit", "3"), ("cursor", &cursor)];
            let second = list(&app, &acme, path, &rest).await.expect(200);
            assert_eq!([first.column("id"), second.column("id")].concat(), apples, "{path}");
            assert_eq!(next_cursor(&second), None);
        }
    }
}
