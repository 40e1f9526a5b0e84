//! Tenants with rows, made through the API as a client would make them.

use serde_json::{Value, json};
use uuid::Uuid;

use super::app::TestApp;
use super::tokens;

/// A tenant that a test has made.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    /// Its id.
    pub(crate) id: String,
    /// Its slug.
    pub(crate) slug: String,
}

impl Tenant {
    /// A token with this role, for a subject that is no user of the tenant.
    pub(crate) fn token(&self, role: &str) -> String {
        self.token_of(role, &Uuid::now_v7().to_string())
    }

    /// A token with this role for this user.
    pub(crate) fn token_of(&self, role: &str, user_id: &str) -> String {
        tokens::member(&self.slug, role, user_id)
    }
}

/// A row that a test has made or read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// Its id.
    pub(crate) id: String,
    /// Its entity tag.
    pub(crate) etag: String,
    /// As it was answered.
    pub(crate) json: Value,
}

impl TestApp {
    /// A new tenant.
    pub(crate) async fn tenant(&self, slug: &str) -> Tenant {
        self.tenant_with(&json!({ "slug": slug, "name": format!("The {slug} company") })).await
    }

    /// A new tenant in this place.
    pub(crate) async fn tenant_in(&self, slug: &str, isolation: &str) -> Tenant {
        self.tenant_with(&json!({ "slug": slug, "name": slug, "isolation": isolation })).await
    }

    /// A new tenant, with whatever the admin API takes.
    pub(crate) async fn tenant_with(&self, draft: &Value) -> Tenant {
        let mut draft = draft.clone();
        if draft.get("isolation").is_none() {
            draft["isolation"] = json!(self.next_place());
        }
        let row = self.made("/admin/v1/tenants", &tokens::platform(), &draft).await;
        let slug = row.json["slug"].as_str().expect("a slug").to_owned();
        Tenant { id: row.id, slug }
    }

    /// A new user of the tenant, with the role of a member and the address `{name}@{slug}.test`.
    pub(crate) async fn user(&self, tenant: &Tenant, name: &str) -> Row {
        let email = format!("{name}@{}.test", tenant.slug);
        let draft = json!({ "name": name, "email": email, "role": "member" });
        self.made("/v1/users", &tenant.token("admin"), &draft).await
    }

    /// A new post of the user.
    pub(crate) async fn post_of(&self, tenant: &Tenant, user_id: &str, title: &str) -> Row {
        let draft = json!({ "title": title, "user_id": user_id, "content": format!("About {title}.") });
        self.made("/v1/posts", &tenant.token("admin"), &draft).await
    }

    /// Every row of the tenant, at most 100 in a table, each as it is read by itself.
    pub(crate) async fn rows_of(&self, tenant: &Tenant) -> Vec<Row> {
        let read = async |path: &str| self.get(path).bearer(&tenant.token("viewer")).send().await.expect(200);
        let mut rows = Vec::new();
        for list in ["/v1/users", "/v1/posts"] {
            for listed in read(&format!("{list}?limit=100")).await.data() {
                let id = listed["id"].as_str().expect("an id").to_owned();
                let row = read(&format!("{list}/{id}")).await;
                rows.push(Row { id, etag: row.etag(), json: row.json() });
            }
        }
        rows
    }

    /// What a POST makes.
    async fn made(&self, path: &str, token: &str, draft: &Value) -> Row {
        let answer = self.post(path).bearer(token).json(draft).send().await.expect(201);
        let json = answer.json();
        Row { id: json["id"].as_str().expect("an id").to_owned(), etag: answer.etag(), json }
    }
}
