//! SQL, NUL, strange letters and far too much of everything, in every place that takes a text.

use serde_json::json;

use super::World;
use crate::mixed_fleet;
use crate::support::operations::{Target, documented};
use crate::support::{Call, TestApp};

fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "'",
        "''",
        "\"",
        "`",
        "\\",
        "\\'",
        ";",
        "--",
        "/*",
        "*/",
        "%",
        "_",
        "$1",
        "?",
        "?1",
        ":1",
        "@p",
        "{}",
        "{0}",
        "%s",
        "%n",
        "%27",
        "' OR '1'='1",
        "' OR 1=1 --",
        "1; DROP TABLE users; --",
        "'; UPDATE posts SET title = 'owned'; --",
        "' UNION SELECT id, email FROM users --",
        "'); DELETE FROM users; --",
        "' || (SELECT email FROM users LIMIT 1) || '",
        "1 AND (SELECT pg_sleep(5)) IS NULL",
        "$$; RESET ROLE; $$",
        "'; RESET app.current_tenant_id; --",
        "\u{0}",
        "a\u{0}b",
        "\u{1}\u{7}\u{1b}[31m",
        "\r\nX-Injected: yes",
        "\u{feff}",
        "\u{200b}",
        "\u{202e}abc",
        "\u{301}",
        "\u{fffd}",
        "\u{ffff}",
        "\u{10ffff}",
        "🦀",
        "ÄÖÜß",
        "İstanbul",
        "ﬁ",
        "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
        "ا",
        "中文",
        "<script>alert(1)</script>",
        "../../../etc/passwd",
        "${jndi:ldap://127.0.0.1/a}",
        "{{7*7}}",
        "null",
        "undefined",
        "NaN",
        "true",
        "[]",
        "{}",
        "-1",
        "1e400",
        "0x10",
        " ",
        "\t",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.extend([300, 5_000].map(|length| "x".repeat(length)));
    texts.push("é".repeat(200));
    texts
}

impl World {
    /// Whatever is said, the answer is one that the document knows.
    async fn is_taken_or_refused(&self, call: Call, case: &str) {
        let answer = self.attack(call, case).await;
        assert!(!answer.headers.contains_key("x-injected"), "{case}");
        if answer.status >= 400 {
            // Fails for a refusal that is not in the form of all others.
            answer.code();
        }
        assert!(
            !answer.text.to_uppercase().contains("SQLSTATE") && !answer.text.contains("syntax error"),
            "{answer:?}"
        );
    }
}

/// As it can stand in a path or a query.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

mixed_fleet! {
    async fn in_the_query(app: TestApp) {
        let world = World::new(app).await;
        let (member, user) = (world.member(), &world.acme.users[0].id);
        let lists = ["/v1/users".to_owned(), "/v1/posts".to_owned(), format!("/v1/users/{user}/posts")];
        for text in texts() {
            for name in ["q", "cursor", "page", "limit", "include", "nobody-asked-for-this"] {
                for list in &lists {
                    let case = format!("{list} {name}={text:?}");
                    let call = world.app.get(&format!("{list}?{name}={}", encoded(&text))).bearer(&member);
                    world.is_taken_or_refused(call, &case).await;
                }
            }
        }
        for query in [
            "%",
            "%zz",
            "q=%ff%fe",
            "q=%c0%80",
            "&&&&",
            "=",
            "q",
            "q=a&q=b",
            "limit=1&limit=2",
            "a[b]=c",
            "q=%u0041",
            "?",
        ] {
            world.is_taken_or_refused(world.app.get(&format!("/v1/posts?{query}")).bearer(&member), query).await;
        }
        world.victim_is_untouched().await;
    }

    async fn in_the_path(app: TestApp) {
        let world = World::new(app).await;
        let token = world.admin();
        for text in texts() {
            // The library that sends would take these for a path of several parts.
            let text = if text.trim_matches(['.', '/']).is_empty() { "x".to_owned() } else { encoded(&text) };
            let (user, post, tenant, operation) = (text.clone(), text.clone(), text.clone(), text.clone());
            let target = Target { user, post, tenant, operation, ..Target::default() };
            for operation in documented().iter().filter(|operation| operation.is_about_one()) {
                world
                    .is_taken_or_refused(
                        operation.call(&world.app, &target).bearer(&token),
                        &format!("{operation}: {text}"),
                    )
                    .await;
            }
            for path in [
                format!("/t/{text}/v1/users"),
                format!("/{text}"),
                format!("/v1/{text}"),
                format!("/v1/users/{text}/{text}"),
            ] {
                world.is_taken_or_refused(world.app.get(&path).bearer(&token), &path).await;
            }
        }
        world.victim_is_untouched().await;
    }

    async fn in_the_headers(app: TestApp) {
        let world = World::new(app).await;
        let token = world.admin();
        let own = format!("/v1/posts/{}", world.acme.posts[0].id);
        // What cannot stand in a header at all is not sent.
        let sendable = |text: &String| text.bytes().all(|byte| byte >= 32 && byte != 127);
        for (number, text) in texts().into_iter().filter(sendable).enumerate() {
            for name in [
                "x-tenant-id",
                "x-request-id",
                "if-match",
                "if-none-match",
                "accept",
                "accept-encoding",
                "origin",
                "range",
            ] {
                let get = world.app.get(&own).header(name, &text).bearer(&token);
                world.is_taken_or_refused(get, &format!("{name}: {text}")).await;
                let patch = world.app.patch(&own).json(&json!({ "title": "Mine" })).header(name, &text).bearer(&token);
                world.is_taken_or_refused(patch, &format!("{name}: {text}")).await;
            }
            let draft = json!({ "name": "x", "email": format!("h{number}@x.test") });
            let keyed = world.app.post("/v1/users").json(&draft).header("idempotency-key", &text).bearer(&token);
            world.is_taken_or_refused(keyed, &format!("idempotency-key: {text}")).await;
            let typed = world.app.post("/v1/users").text(&text, "{}").bearer(&token);
            world.is_taken_or_refused(typed, &format!("content-type: {text}")).await;
        }
        world.victim_is_untouched().await;
    }

    async fn in_the_body(app: TestApp) {
        let world = World::new(app).await;
        let token = world.admin();
        let user = format!("/v1/users/{}", world.acme.users[1].id);
        let post = format!("/v1/posts/{}", world.acme.posts[1].id);
        for text in texts() {
            for field in ["tenant_id", "name", "email", "role", "id", &text] {
                let mut draft = json!({ "name": "x", "email": "body@x.test" });
                draft[field] = json!(text);
                world
                    .is_taken_or_refused(world.app.post("/v1/users").json(&draft).bearer(&token), &draft.to_string())
                    .await;
                let patch = json!({ field: text });
                world.is_taken_or_refused(world.app.patch(&user).json(&patch).bearer(&token), &patch.to_string()).await;
            }
            for field in ["tenant_id", "user_id", "title", "content", &text] {
                let mut draft = json!({ "title": "x" });
                draft[field] = json!(text);
                world
                    .is_taken_or_refused(world.app.post("/v1/posts").json(&draft).bearer(&token), &draft.to_string())
                    .await;
                let patch = json!({ field: text });
                world.is_taken_or_refused(world.app.patch(&post).json(&patch).bearer(&token), &patch.to_string()).await;
            }
            let raw = world.app.post("/v1/posts").text("application/json", text.clone()).bearer(&token);
            world.is_taken_or_refused(raw, &text).await;
        }
        world.victim_is_untouched().await;
    }

    async fn in_far_too_large_a_body(app: TestApp) {
        let world = World::new(app).await;
        let token = world.admin();
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let wide = format!("{{{}\"title\": \"x\"}}", "\"k\": 1, ".repeat(100_000));
        let large = json!({ "title": "x", "content": "x".repeat(3 << 20) }).to_string();
        for (body, due) in [(deep, 400..=422), (wide, 422..=422), (large, 413..=413)] {
            let call = world.app.post("/v1/posts").text("application/json", body).bearer(&token);
            let answer = world.attack(call, "large").await;
            assert!(due.contains(&answer.status), "{answer:?}");
        }
        world.victim_is_untouched().await;
    }
}
