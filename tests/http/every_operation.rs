//! Nothing is forgotten: every operation of the document is in the table below, and does what the table says of it to
//! somebody without a token and to somebody of another tenant. A new operation fails here until it has its line.

use std::collections::BTreeSet;

use reqwest::Method;

use crate::every_fleet;
use crate::support::operations::{Operation, Target, documented};
use crate::support::{Answer, Call, Row, Tenant, TestApp, tokens};

/// What an operation may reach, and therefore what a stranger gets from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Anybody, without a token: it holds nothing of any tenant.
    Public,
    /// The platform only: 403 for whoever else has a token.
    Platform,
    /// The caller's own tenant as a whole: nothing of another one shows.
    Own,
    /// One row by its id: another tenant's is as if it did not exist.
    Row,
}

const TABLE: [(&str, Reach); 37] = [
    ("GET /healthz", Reach::Public),
    ("GET /metrics", Reach::Public),
    ("GET /openapi.json", Reach::Public),
    ("GET /readyz", Reach::Public),
    ("GET /v1/tenant", Reach::Own),
    ("GET /v1/users", Reach::Own),
    ("POST /v1/users", Reach::Own),
    ("GET /v1/users/{id}", Reach::Row),
    ("PATCH /v1/users/{id}", Reach::Row),
    ("DELETE /v1/users/{id}", Reach::Row),
    ("GET /v1/users/{id}/posts", Reach::Row),
    ("GET /v1/posts", Reach::Own),
    ("POST /v1/posts", Reach::Own),
    ("GET /v1/posts/{id}", Reach::Row),
    ("PATCH /v1/posts/{id}", Reach::Row),
    ("DELETE /v1/posts/{id}", Reach::Row),
    ("GET /admin/v1/audit", Reach::Platform),
    ("GET /admin/v1/migrations", Reach::Platform),
    ("GET /admin/v1/pools", Reach::Platform),
    ("GET /admin/v1/stats", Reach::Platform),
    ("GET /admin/v1/tenants", Reach::Platform),
    ("POST /admin/v1/tenants", Reach::Platform),
    ("GET /admin/v1/tenants/{tenant}", Reach::Platform),
    ("PATCH /admin/v1/tenants/{tenant}", Reach::Platform),
    ("DELETE /admin/v1/tenants/{tenant}", Reach::Platform),
    ("POST /admin/v1/tenants/{tenant}/migrate", Reach::Platform),
    ("POST /admin/v1/tenants/{tenant}/suspend", Reach::Platform),
    ("POST /admin/v1/tenants/{tenant}/resume", Reach::Platform),
    ("POST /admin/v1/tenants/{tenant}/restore", Reach::Platform),
    ("POST /admin/v1/tenants/{tenant}/tokens", Reach::Platform),
    ("POST /admin/v1/tenants/{tenant}/move", Reach::Platform),
    ("POST /admin/v1/tenants/{tenant}/keys/rotate", Reach::Platform),
    ("GET /admin/v1/tenants/{tenant}/export", Reach::Platform),
    ("POST /admin/v1/tenants/import", Reach::Platform),
    ("POST /admin/v1/tenants/{tenant}/purge", Reach::Platform),
    ("GET /admin/v1/tenants/{tenant}/stats", Reach::Platform),
    ("GET /admin/v1/operations/{id}", Reach::Platform),
];

fn reach(operation: &Operation) -> Reach {
    let line = TABLE.iter().find(|(name, _)| *name == operation.to_string());
    line.unwrap_or_else(|| panic!("{operation} is not in the table of this file: say whom it may reach")).1
}

fn of_reach(wanted: Reach) -> Vec<Operation> {
    documented().into_iter().filter(|operation| reach(operation) == wanted).collect()
}

/// What is looked at in two answers that must not be told apart.
fn visible(answer: &Answer) -> (u16, String, BTreeSet<String>) {
    let (status, body) = answer.essence();
    // Whether the connection stays open depends on how fast the rest of the body arrives.
    let names = answer.headers.keys().map(ToString::to_string).filter(|name| name != "connection");
    (status, body, names.collect())
}

/// A tenant with one user, who has one post.
struct Inhabited {
    tenant: Tenant,
    user: Row,
    post: Row,
}

impl Inhabited {
    async fn new(app: &TestApp, slug: &str) -> Self {
        let tenant = app.tenant(slug).await;
        let user = app.user(&tenant, &format!("somebody-of-{slug}")).await;
        let post = app.post_of(&tenant, &user.id, &format!("Something of {slug}")).await;
        Self { tenant, user, post }
    }

    fn target(&self) -> Target {
        let (user, post, tenant) = (self.user.id.clone(), self.post.id.clone(), self.tenant.slug.clone());
        Target { user, post, tenant, ..Target::default() }
    }

    /// Fails if anything of this tenant is in the answer.
    #[track_caller]
    fn is_not_in(&self, answer: &Answer, case: &str) {
        for trace in [&self.tenant.id, &self.tenant.slug, &self.user.id, &self.post.id] {
            assert!(!answer.text.contains(trace.as_str()), "{case} shows {trace}: {}", answer.text);
        }
    }

    /// Both rows as they were made, past all locks.
    async fn is_untouched(&self, app: &TestApp, case: &str) {
        let (name, title) = (&self.user.json["name"], &self.post.json["title"]);
        let user =
            format!("SELECT count(*) FROM users WHERE version = 1 AND name = '{}'", name.as_str().expect("a name"));
        let post =
            format!("SELECT count(*) FROM posts WHERE version = 1 AND title = '{}'", title.as_str().expect("one"));
        assert_eq!(
            (app.database.number_everywhere(&user).await, app.database.number_everywhere(&post).await),
            (1, 1),
            "{case}"
        );
    }
}

/// A target that is nowhere.
fn missing() -> Target {
    Target::default()
}

#[test]
fn the_table_has_every_operation_once_and_no_other() {
    let documented: BTreeSet<String> = documented().iter().map(ToString::to_string).collect();
    let table: BTreeSet<String> = TABLE.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(table.len(), TABLE.len(), "an operation is in the table twice");
    let missing: Vec<_> = documented.difference(&table).collect();
    let surplus: Vec<_> = table.difference(&documented).collect();
    assert!(missing.is_empty(), "not in the table of this file: {missing:?}");
    assert!(surplus.is_empty(), "in the table, but no longer documented: {surplus:?}");
}

every_fleet! {
    async fn without_a_token_only_what_is_public_answers(app: TestApp) {
        let target = Inhabited::new(&app, "acme").await.target();
        for operation in documented() {
            let answer = operation.call(&app, &target).send().await;
            if reach(&operation) == Reach::Public {
                answer.is((200, ""), &operation.to_string());
                continue;
            }
            let challenge = answer.header("www-authenticate").map(str::to_owned);
            answer.is((401, "unauthenticated"), &operation.to_string());
            assert_eq!(challenge.as_deref(), Some("Bearer realm=\"tenantry\""), "{operation}");
        }
    }

    /// Below the path of a tenant too, and whether or not the row is there.
    async fn without_a_token_nothing_can_be_told_from_what_is_missing(app: TestApp) {
        let target = Inhabited::new(&app, "acme").await.target();
        for operation in documented().iter().filter(|operation| operation.path.starts_with("/v1/")) {
            let path = |tenant: &str, target: &Target| format!("/t/{tenant}{}", operation.path_to(target));
            let there = operation.call_at(&app, &path("acme", &target), &target).send().await;
            let nowhere = operation.call_at(&app, &path("nobody", &missing()), &missing()).send().await;
            assert_eq!(visible(&there), visible(&nowhere), "{operation}");
            assert_eq!(there.status, 401, "{operation}");
        }
    }

    async fn a_row_of_another_tenant_is_as_if_it_did_not_exist(app: TestApp) {
        let (acme, globex) = (Inhabited::new(&app, "acme").await, Inhabited::new(&app, "globex").await);
        let foreign = globex.target();
        let conditions = [None, Some(("if-match", &globex.user.etag)), Some(("if-none-match", &globex.post.etag))];
        for operation in of_reach(Reach::Row) {
            for role in ["viewer", "member", "admin"] {
                // As the very user, should the id alone open anything.
                let token = acme.tenant.token_of(role, &globex.user.id);
                for condition in conditions {
                    let send = async |call: Call| {
                        let call = call.bearer(&token);
                        condition.into_iter().fold(call, |call, (name, tag)| call.header(name, tag)).send().await
                    };
                    let nowhere = missing();
                    let body = |target: &Target| Target { user: acme.user.id.clone(), ..target.clone() };
                    let there = operation.call_at(&app, &operation.path_to(&foreign), &body(&foreign));
                    let not_there = operation.call_at(&app, &operation.path_to(&nowhere), &body(&nowhere));
                    let (there, not_there) = (send(there).await, send(not_there).await);
                    let case = format!("{operation} as {role} with {condition:?}");
                    assert_eq!(visible(&there), visible(&not_there), "{case}");
                    assert!(
                        matches!((there.status, there.code().as_str()), (404, "not_found") | (403, "forbidden")),
                        "{case}"
                    );
                    globex.is_not_in(&there, &case);
                }
            }
            globex.is_untouched(&app, &operation.to_string()).await;
        }
    }

    async fn nothing_of_another_tenant_shows_in_what_is_ones_own(app: TestApp) {
        let (acme, globex) = (Inhabited::new(&app, "acme").await, Inhabited::new(&app, "globex").await);
        for operation in of_reach(Reach::Own) {
            let token = acme.tenant.token("admin");
            let path = operation.path_to(&acme.target());
            for path in
                [path.clone(), format!("/t/acme{path}"), format!("{path}?limit=100&q=some"), format!("{path}?page=1")]
            {
                let case = format!("{operation} at {path}");
                let answer = operation.call_at(&app, &path, &acme.target()).bearer(&token).send().await;
                assert!(answer.status < 300, "{case}: {}", answer.text);
                assert!(answer.text.contains(&acme.tenant.id), "{case}: {}", answer.text);
                globex.is_not_in(&answer, &case);
            }
            let elsewhere = format!("/t/globex{}", operation.path_to(&globex.target()));
            let refused = operation.call_at(&app, &elsewhere, &acme.target()).bearer(&token).send().await;
            refused.is((403, "tenant_mismatch"), &operation.to_string());
        }
        globex.is_untouched(&app, "after all").await;
        let rows = app.get("/v1/users?page=1").bearer(&globex.tenant.token("admin")).send().await.expect(200);
        assert_eq!(rows.json()["total"], 1);
    }

    /// Whether the tenant in the path is one's own, another or none at all.
    async fn the_platforms_operations_are_closed_to_every_tenant(app: TestApp) {
        let (acme, globex) = (Inhabited::new(&app, "acme").await, Inhabited::new(&app, "globex").await);
        for operation in of_reach(Reach::Platform) {
            for role in ["viewer", "member", "admin"] {
                let token = acme.tenant.token(role);
                let refused = operation.call(&app, &missing()).bearer(&token).send().await;
                for target in [acme.target(), globex.target()] {
                    let answer = operation.call(&app, &target).bearer(&token).send().await;
                    assert_eq!(visible(&answer), visible(&refused), "{operation} as {role}");
                }
                refused.is((403, "forbidden"), &operation.to_string());
            }
        }
        let tenants = app.get("/admin/v1/tenants").bearer(&tokens::platform()).send().await.expect(200);
        assert!(tenants.data().iter().all(|tenant| tenant["status"] == "active"), "{}", tenants.text);
        assert_eq!(tenants.data().len(), 2);
    }

    async fn what_is_public_holds_nothing_of_a_tenant(app: TestApp) {
        let acme = Inhabited::new(&app, "zebra-farm").await;
        app.get("/v1/users").bearer(&acme.tenant.token("viewer")).send().await.expect(200);
        app.get("/t/zebra-farm/v1/users").bearer(&acme.tenant.token("viewer")).send().await.expect(200);
        for operation in of_reach(Reach::Public) {
            let answer = operation.call(&app, &acme.target()).send().await.expect(200);
            acme.is_not_in(&answer, &operation.to_string());
        }
    }

    /// A method that is not documented for a path is not routed there, and the ones that are can be asked for.
    async fn what_is_routed_is_what_is_documented(app: TestApp) {
        let acme = Inhabited::new(&app, "acme").await;
        let target = acme.target();
        let documented = documented();
        for operation in &documented {
            let of_path: BTreeSet<&str> = documented
                .iter()
                .filter(|other| other.path == operation.path)
                .map(|other| other.method.as_str())
                .collect();
            let path = operation.path_to(&target);
            if operation.method == "GET" {
                let call = |method: Method| app.call(method, &path).bearer(&acme.tenant.token("viewer"));
                let (read, asked) = (call(Method::GET).send().await, call(Method::HEAD).send().await);
                assert_eq!((asked.status, asked.text.as_str()), (read.status, ""), "HEAD {path}");
            }
            // A tenant can be called `import`: read, changed and deleted, it is found there.
            if operation.id == "tenant_import" {
                continue;
            }
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                if of_path.contains(method.as_str()) {
                    continue;
                }
                let answer = app.call(method.clone(), &path).bearer(&tokens::platform()).send().await;
                let allow = answer.header("allow").unwrap_or_default().to_owned();
                answer.is((405, "method_not_allowed"), &format!("{method} {path}"));
                let allowed: BTreeSet<&str> = allow.split(", ").filter(|method| *method != "HEAD").collect();
                assert_eq!(allowed, of_path, "{method} {path}");
            }
        }
    }
}

/// Handlers are made by attributes, which name method and path, and are served by `src/routes.rs`; whatever is served
/// there is in the document. So it is enough that there is no other way for a request to come in.
#[test]
fn no_handler_is_served_in_another_way() {
    let documented: BTreeSet<String> = documented().into_iter().map(|operation| operation.id).collect();
    let routes = include_str!("../../src/routes.rs");
    let registered = routes.lines().filter_map(|line| line.trim().strip_prefix("config.service(")?.strip_suffix(");"));
    let handlers = registered.filter(|handler| !handler.starts_with("scope("));
    let handlers: BTreeSet<String> = handlers.filter_map(|path| Some(path.rsplit("::").next()?.to_owned())).collect();
    assert_eq!(handlers, documented);
    let mut served = Vec::new();
    let source = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    visit(source, &mut |file, text| {
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let ways = [".service(", ".route(\"", ".resource(", "web::resource", "web::scope", "#[route("];
        if !file.ends_with("tests.rs") && ways.iter().any(|way| text.contains(way)) {
            served.push(file.strip_prefix(source).expect("inside").display().to_string());
        }
    });
    served.sort();
    assert_eq!(served, ["openapi.rs", "routes.rs"], "requests come in here, and only here");
}

fn visit(directory: &std::path::Path, look: &mut impl FnMut(&std::path::Path, &str)) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            visit(&path, look);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            look(&path, &std::fs::read_to_string(&path).expect("a source file"));
        }
    }
}
