//! A request with several things wrong with it is refused for the first of them, as the documentation orders them.

use serde_json::{Value, json};
use testkit::TestDatabase;

use crate::both_databases;
use crate::support::{Answer, TestApp, tokens};

/// A change of a user: everything that can be wrong with it, most important first.
struct Attempt {
    token: Option<String>,
    header: &'static str,
    body: Value,
}

impl Attempt {
    async fn send(&self, app: &TestApp, user: &str) -> Answer {
        let call = app.patch(&format!("/v1/users/{user}")).header("x-tenant-id", self.header).json(&self.body);
        match &self.token {
            Some(token) => call.bearer(token).send().await,
            None => call.send().await,
        }
    }
}

const NO_USER: &str = "01935b2c-6a5e-7000-8000-00000000000f";

both_databases! {
    async fn mending_a_request_bit_by_bit_meets_every_refusal_in_turn(app: TestApp) {
        let (acme, globex) = (app.tenant("acme").await, app.tenant("globex").await);
        let ada = app.user(&acme, "ada").await;
        let operator = tokens::platform();
        let (missing, suspended) = ((404, "tenant_not_found"), (403, "tenant_suspended"));
        let set = |assignment: &str| format!("UPDATE tenants SET {assignment} WHERE slug = 'acme'");
        let mut attempt = Attempt {
            token: None,
            header: "globex",
            body: json!({ "tenant_id": globex.id, "name": "", "colour": "red" }),
        };
        app.database.execute(&set("status = 'deleted'")).await;

        attempt.send(&app, NO_USER).await.is((401, "unauthenticated"), "no token");
        attempt.token = Some(acme.token("viewer"));
        attempt.send(&app, NO_USER).await.is((403, "tenant_mismatch"), "another tenant is named");
        attempt.header = "acme";
        attempt.send(&app, NO_USER).await.is(missing, "a deleted tenant");
        app.post("/admin/v1/tenants/acme/restore").bearer(&operator).send().await.expect(200);
        app.post("/admin/v1/tenants/acme/suspend").bearer(&operator).send().await.expect(200);
        attempt.send(&app, NO_USER).await.is(suspended, "a suspended tenant");
        app.database.execute(&set("schema_version = 0")).await;
        attempt.send(&app, NO_USER).await.is(suspended, "suspended before not ready");
        app.post("/admin/v1/tenants/acme/resume").bearer(&operator).send().await.expect(200);
        attempt.send(&app, NO_USER).await.is((503, "tenant_not_ready"), "tables too old");
        app.database.execute(&set("schema_version = 99")).await;
        attempt.send(&app, NO_USER).await.is((403, "forbidden"), "a viewer");
        attempt.token = Some(acme.token("admin"));
        attempt.send(&app, NO_USER).await.is((403, "tenant_mismatch"), "another tenant in the body");
        attempt.body = json!({ "tenant_id": acme.id, "name": "", "colour": "red" });
        attempt.send(&app, NO_USER).await.is((422, "validation_failed"), "a field that is not known");
        attempt.body = json!({ "tenant_id": acme.id, "name": "Ada" });
        attempt.send(&app, NO_USER).await.is((404, "not_found"), "no such user");
        attempt.send(&app, &ada.id).await.is((200, ""), "nothing wrong");
    }

    /// What is wrong with the body is not looked at before it is known who is asking.
    async fn a_stranger_learns_nothing_from_a_bad_request(app: TestApp) {
        app.tenant("acme").await;
        for (path, kind, body) in [
            ("/v1/users", "application/json", "{"),
            ("/v1/users", "text/plain", "x"),
            ("/v1/users?limit=x&cursor=x", "application/json", "{}"),
            ("/v1/users/no-uuid", "application/json", "{}"),
            ("/t/acme/v1/users/no-uuid", "application/json", "{}"),
            ("/t/nobody/v1/users", "application/json", "{}"),
            ("/admin/v1/tenants", "application/json", "{"),
            ("/admin/v1/tenants/no such", "application/json", "{"),
        ] {
            let method =
                if path.contains("/users/") || path.contains("tenants/") { app.patch(path) } else { app.post(path) };
            method.text(kind, body).send().await.is((401, "unauthenticated"), path);
        }
    }

    async fn an_operator_is_written_down_before_it_is_let_in(database: TestDatabase) {
        let app = TestApp::on(database).await;
        let (acme, operator) = (app.tenant("acme").await, tokens::platform());
        let accesses = async || {
            let admitted = app.get("/admin/v1/audit?action=tenant.access&outcome=done").bearer(&operator);
            admitted.send().await.expect(200).data()
        };
        app.get("/v1/users").bearer(&acme.token("admin")).send().await.expect(200);
        app.get("/v1/users").bearer(&operator).send().await.refused(400, "tenant_unidentified");
        let disagreeing = app.get("/t/acme/v1/users").header("x-tenant-id", "globex").bearer(&operator);
        disagreeing.send().await.refused(403, "tenant_mismatch");
        assert_eq!(accesses().await, [json!(null); 0]);

        app.get("/t/acme/v1/users").bearer(&operator).send().await.expect(200);
        let user = format!("/v1/users/{NO_USER}");
        app.delete(&user).header("x-tenant-id", &acme.id).bearer(&operator).send().await.refused(404, "not_found");
        let accesses = accesses().await;
        let seen = |number: usize, key: &str| accesses[number][key].as_str().unwrap_or_default().to_owned();
        assert_eq!(accesses.len(), 2);
        for number in [0, 1] {
            assert_eq!((seen(number, "actor"), seen(number, "tenant_id")), ("operator".to_owned(), acme.id.clone()));
        }
        assert_eq!(accesses[0]["detail"], json!({ "method": "DELETE", "route": "/v1/users/{id}" }));
        assert_eq!(accesses[1]["detail"], json!({ "method": "GET", "route": "/v1/users" }));
    }
}
