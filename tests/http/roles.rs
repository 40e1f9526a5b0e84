//! Who may do what: every operation of the document, asked for in every role, answers as `golden/roles.txt` says.
//!
//! That file is for people: a change of it is a change of who may do what, and is to be read as such. After one that is
//! meant, write it anew with `UPDATE_GOLDEN=1 scripts/with-servers cargo nextest run -p tenantry --test http roles`.

use std::fmt::Write as _;

use crate::keys::SEALING;
use crate::mixed_fleet;
use crate::support::operations::{Operation, Target, documented};
use crate::support::{Call, Housing, Tenant, TestApp, tokens};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/golden/roles.txt");

const HEADING: &str = "\
# Who may do what: the status that each operation answers a right request with. `none` sends no token, `platform` an
# operator's, `stranger` that of another tenant's admin. Every request names the tenant in X-Tenant-ID.
";

const ROLES: [&str; 6] = ["none", "viewer", "member", "admin", "platform", "stranger"];

/// Operations whose answer depends on whose row it is: a member's own, or that of another user of the same tenant.
const BY_AUTHOR: [&str; 3] = ["POST /v1/posts", "PATCH /v1/posts/{id}", "DELETE /v1/posts/{id}"];

struct World {
    app: TestApp,
    acme: Tenant,
    globex: Tenant,
    made: u32,
}

impl World {
    async fn new(app: TestApp) -> Self {
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        Self { app, acme, globex, made: 0 }
    }

    /// Rows of this one request's own, in the state that it changes.
    async fn target(&mut self, operation: &Operation) -> Target {
        self.made += 1;
        let user = self.app.user(&self.acme, &format!("user{}", self.made)).await;
        let post = self.app.post_of(&self.acme, &user.id, "A post").await;
        let mut tenant = self.acme.slug.clone();
        if operation.path.contains("{tenant}") {
            tenant = self.tenant_for(operation, &format!("tenant-{}", self.made)).await.slug;
            self.prepare(&format!("/admin/v1/tenants/{tenant}"), operation).await;
        }
        let target = Target { user: user.id, post: post.id, tenant, ..Target::default() };
        self.with_long_work(operation, target).await
    }

    /// A tenant wherever it is its turn to live; one that is moved to a database of its own, in shared tables.
    async fn tenant_for(&self, operation: &Operation, slug: &str) -> Tenant {
        let mut draft = serde_json::json!({ "slug": slug, "name": slug });
        if ["tenant_move", "operation_get"].contains(&operation.id.as_str()) {
            draft["isolation"] = "shared".into();
        }
        self.app.tenant_with(&draft).await
    }

    /// What the platform's long work asks for: an operation that there is, or lines that can be imported.
    async fn with_long_work(&self, operation: &Operation, target: Target) -> Target {
        let tenant = async || self.tenant_for(operation, &format!("t{}", uuid::Uuid::now_v7().simple())).await;
        match operation.id.as_str() {
            "operation_get" => {
                let path = format!("/admin/v1/tenants/{}/move", tenant().await.slug);
                let body = serde_json::json!({ "isolation": "database" });
                let moved = self.app.post(&path).bearer(&tokens::platform()).json(&body).send().await.expect(202);
                Target { operation: moved.json()["id"].as_str().expect("an id").to_owned(), ..target }
            }
            "tenant_import" => {
                let path = format!("/admin/v1/tenants/{}/export", tenant().await.slug);
                let export = self.app.get(&path).bearer(&tokens::platform()).send().await.expect(200).text;
                Target { export, ..target }
            }
            _ => target,
        }
    }

    async fn prepare(&self, tenant: &str, operation: &Operation) {
        let operator = tokens::platform();
        if operation.path.ends_with("/resume") {
            self.app.post(&format!("{tenant}/suspend")).bearer(&operator).send().await.expect(200);
        } else if operation.path.ends_with("/restore") || operation.path.ends_with("/purge") {
            self.app.delete(tenant).bearer(&operator).send().await.expect(204);
        }
    }

    fn call_as(&self, role: &str, call: Call, user: &str) -> Call {
        let call = call.header("x-tenant-id", &self.acme.slug);
        match role {
            "none" => call,
            "platform" => call.bearer(&tokens::platform()),
            "stranger" => call.bearer(&self.globex.token_of("admin", user)),
            role => call.bearer(&self.acme.token_of(role, user)),
        }
    }

    /// One line of the matrix.
    async fn line(&mut self, operation: &Operation, whose: &str) -> String {
        let title = format!("{:<6} {} {whose}", operation.method, operation.path);
        let mut line = format!("{:<56}", title.trim_end());
        for role in ROLES {
            let target = self.target(operation).await;
            let nobody = uuid::Uuid::now_v7().to_string();
            let caller = if whose == "(of another)" { &nobody } else { &target.user };
            let call = self.call_as(role, operation.call(&self.app, &target), caller);
            write!(line, "{:>9}", call.send().await.status).expect("text can be written");
        }
        line
    }
}

fn heading() -> String {
    let roles: String = ROLES.iter().map(|role| format!("{role:>9}")).collect();
    format!("{HEADING}\n{:<56}{roles}\n", "")
}

/// The lines that only one of the two has, marked as in a diff.
fn difference(golden: &str, now: &str) -> String {
    let only = |sign: char, a: &str, b: &str| -> String {
        a.lines().filter(|line| !b.lines().any(|other| other == *line)).map(|line| format!("{sign} {line}\n")).collect()
    };
    only('-', golden, now) + &only('+', now, golden)
}

mixed_fleet! {
    async fn every_role_may_do_what_it_may(housing: Housing) {
        let app = TestApp::with(housing, &SEALING[..1]).await;
        let mut world = World::new(app).await;
        let mut matrix = heading();
        for operation in documented() {
            let by_author = BY_AUTHOR.contains(&operation.to_string().as_str());
            let cases: &[&str] = if by_author { &["(own)", "(of another)"] } else { &[""] };
            for whose in cases {
                matrix += &world.line(&operation, whose).await;
                matrix.push('\n');
            }
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(GOLDEN, &matrix).expect("the golden file can be written");
        }
        let golden = std::fs::read_to_string(GOLDEN).expect("the golden file is there");
        let difference = difference(&golden, &matrix);
        assert!(
            golden == matrix,
            "who may do what has changed:\n{difference}\nIf that is meant, run this test with UPDATE_GOLDEN=1."
        );
    }
}
