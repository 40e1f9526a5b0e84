//! Every operation that the OpenAPI document describes, and how to send one.

use std::fmt;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::app::TestApp;
use super::client::Call;

/// An operation of the document; as text `GET /v1/users/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Operation {
    /// With its parameters in braces.
    pub(crate) path: String,
    /// In capitals.
    pub(crate) method: String,
    /// The name of its handler.
    pub(crate) id: String,
    takes_body: bool,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// What is put into an operation's parameters and body.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// For the path of a user, and as the author of a new post.
    pub(crate) user: String,
    /// For the path of a post.
    pub(crate) post: String,
    /// For the path of a tenant.
    pub(crate) tenant: String,
    /// For the path of an operation.
    pub(crate) operation: String,
    /// The lines of an export, to be imported under another slug.
    pub(crate) export: String,
}

impl Default for Target {
    /// One that is nowhere.
    fn default() -> Self {
        let id = || Uuid::now_v7().to_string();
        Self { user: id(), post: id(), tenant: "nobody".to_owned(), operation: id(), export: "{}".to_owned() }
    }
}

/// All of them, in the order of their paths.
pub(crate) fn documented() -> Vec<Operation> {
    let document = serde_json::to_value(tenantry::openapi::document()).expect("a document");
    let paths = document["paths"].as_object().expect("paths");
    let mut operations: Vec<Operation> = paths.iter().flat_map(|(path, item)| of_path(path, item)).collect();
    operations.sort();
    assert!(operations.len() > 20, "the document describes the whole service");
    operations
}

fn of_path(path: &str, item: &Value) -> Vec<Operation> {
    let methods = ["get", "post", "put", "patch", "delete", "head", "options", "trace"];
    let described = methods.into_iter().filter_map(|method| Some((method, item.get(method)?)));
    described
        .map(|(method, operation)| Operation {
            path: path.to_owned(),
            method: method.to_uppercase(),
            id: operation["operationId"].as_str().expect("an operation has an id").to_owned(),
            takes_body: operation.get("requestBody").is_some(),
        })
        .collect()
}

impl Operation {
    /// Whether the path names one row or one tenant.
    pub(crate) fn is_about_one(&self) -> bool {
        self.path.contains('{')
    }

    /// The path, with the target's ids in it.
    pub(crate) fn path_to(&self, target: &Target) -> String {
        let id = match self.path.split('/').find(|part| ["users", "posts", "operations"].contains(part)) {
            Some("users") => &target.user,
            Some("operations") => &target.operation,
            _ => &target.post,
        };
        let path = self.path.replace("{id}", id).replace("{tenant}", &target.tenant);
        assert!(!path.contains('{'), "{self} has a parameter that the tests do not know: add it to `Target`");
        if self.id == "tenant_import" { format!("{path}?slug=t{}", Uuid::now_v7().simple()) } else { path }
    }

    /// A request that is right in every way, but has no token.
    pub(crate) fn call(&self, app: &TestApp, target: &Target) -> Call {
        self.call_at(app, &self.path_to(target), target)
    }

    /// The same request at another path.
    pub(crate) fn call_at(&self, app: &TestApp, path: &str, target: &Target) -> Call {
        let call = app.call(Method::from_bytes(self.method.as_bytes()).expect("a method"), path);
        match (self.takes_body, self.id.as_str()) {
            (true, "tenant_import") => call.text("application/x-ndjson", target.export.clone()),
            (true, _) => call.json(&self.body(target)),
            (false, _) => call,
        }
    }

    fn body(&self, target: &Target) -> Value {
        let unique = Uuid::now_v7().simple().to_string();
        match self.to_string().as_str() {
            "POST /v1/users" => json!({ "name": "New", "email": format!("{unique}@new.test") }),
            "PATCH /v1/users/{id}" => json!({ "name": "Changed" }),
            "POST /v1/posts" => json!({ "title": "New", "user_id": target.user }),
            "PATCH /v1/posts/{id}" => json!({ "title": "Changed" }),
            "POST /admin/v1/tenants" => json!({ "slug": format!("t{unique}"), "name": "New" }),
            "PATCH /admin/v1/tenants/{tenant}" => json!({ "name": "Changed" }),
            "POST /admin/v1/tenants/{tenant}/tokens" => json!({ "role": "viewer" }),
            "POST /admin/v1/tenants/{tenant}/move" => json!({ "isolation": "database" }),
            _ => panic!("{self} takes a body that the tests do not know: add one here"),
        }
    }
}
