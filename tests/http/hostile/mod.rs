//! A member of one tenant, and even its admin, with every trick there is against another tenant.
//!
//! Whatever is tried, the answer is no fault of ours (500), shows nothing of the other tenant, does not differ from the
//! one for something that does not exist, and leaves the other tenant's rows as they were.

mod bodies;
mod crowd;
mod cursors;
mod naming;
mod rows;
mod texts;

use serde_json::{Value, json};

use crate::support::{Answer, Call, Row, Tenant, TestApp};

/// The attacker's tenant, acme, and the victim, globex. Each has people and posts.
struct World {
    app: TestApp,
    acme: Side,
    globex: Side,
    before: String,
}

struct Side {
    tenant: Tenant,
    users: Vec<Row>,
    posts: Vec<Row>,
}

impl World {
    async fn new(app: TestApp) -> Self {
        let acme = Side::new(&app, "acme", ["Ada", "Alan", "Anna"]).await;
        let globex = Side::new(&app, "globex", ["Victoria", "Walther", "Yolanda"]).await;
        let before = globex.as_it_is(&app).await;
        Self { app, acme, globex, before }
    }

    /// Sends one attack. What came back must be harmless by itself; whether it is right is for the test to say.
    #[track_caller]
    fn attack(&self, call: Call, case: &str) -> impl Future<Output = Answer> {
        let caller = std::panic::Location::caller();
        async move {
            let answer = call.send().await;
            assert!(answer.status < 500, "{caller}, {case}: {answer:?}");
            self.globex.is_not_in(&answer, &format!("{caller}, {case}"));
            answer
        }
    }

    /// Two attacks, one on the victim and one on what does not exist: nobody can tell them apart.
    async fn same(&self, on_victim: Call, on_nothing: Call, case: &str) -> Answer {
        let (victim, nothing) = (self.attack(on_victim, case).await, self.attack(on_nothing, case).await);
        assert_eq!(victim.essence(), nothing.essence(), "{case}");
        victim
    }

    /// The end of every test: the victim has every row that it had, as it was, and none more.
    async fn victim_is_untouched(&self) {
        assert_eq!(self.globex.as_it_is(&self.app).await, self.before);
        self.globex.is_in_the_database(&self.app).await;
    }

    /// The attacker, who is an ordinary member.
    fn member(&self) -> String {
        self.acme.tenant.token_of("member", &self.acme.users[0].id)
    }

    /// The attacker with the most that its tenant can give.
    fn admin(&self) -> String {
        self.acme.tenant.token_of("admin", &self.acme.users[0].id)
    }
}

impl Side {
    async fn new(app: &TestApp, slug: &str, names: [&str; 3]) -> Self {
        let draft = json!({ "slug": slug, "name": format!("{slug} holding"), "domains": [format!("www.{slug}.test")] });
        let tenant = app.tenant_with(&draft).await;
        let (mut users, mut posts) = (Vec::new(), Vec::new());
        for name in names {
            let user = app.user(&tenant, name).await;
            for number in 1..=2 {
                posts.push(app.post_of(&tenant, &user.id, &format!("{name}'s secret {number}")).await);
            }
            users.push(user);
        }
        Self { tenant, users, posts }
    }

    /// All that its own members see of it.
    async fn as_it_is(&self, app: &TestApp) -> String {
        let mut seen = String::new();
        for path in ["/v1/tenant", "/v1/users?limit=100&include=posts", "/v1/posts?limit=100", "/v1/posts?page=1"] {
            seen += &app.get(path).bearer(&self.tenant.token("viewer")).send().await.expect(200).text;
        }
        seen
    }

    /// The same past all locks: its rows are there once, in their first version.
    async fn is_in_the_database(&self, app: &TestApp) {
        for (table, column, rows) in [("users", "name", &self.users), ("posts", "title", &self.posts)] {
            for row in rows {
                let text = row.json[column].as_str().expect("text").replace('\'', "''");
                let sql = format!("SELECT count(*) FROM {table} WHERE {column} = '{text}'");
                assert_eq!(app.database.number_everywhere(&format!("{sql} AND version = 1")).await, 1, "{text}");
                assert_eq!(app.database.number_everywhere(&sql).await, 1, "{text} was copied");
            }
        }
    }

    /// Every word by which one can tell that an answer has something of this tenant.
    fn traces(&self) -> Vec<String> {
        let of_row = |row: &Row| {
            let texts = ["id", "name", "email", "title", "content"].map(|key| row.json[key].clone());
            texts.into_iter().filter_map(|text| match text {
                Value::String(text) => Some(text),
                _ => None,
            })
        };
        let rows = self.users.iter().chain(&self.posts).flat_map(of_row);
        let own = [self.tenant.id.clone(), self.tenant.slug.clone()];
        own.into_iter().chain(rows.collect::<Vec<_>>()).collect()
    }

    #[track_caller]
    fn is_not_in(&self, answer: &Answer, case: &str) {
        let headers = format!("{:?}", answer.headers);
        for trace in self.traces() {
            assert!(!answer.text.contains(&trace) && !headers.contains(&trace), "{case} shows {trace:?}: {answer:?}");
        }
    }
}
