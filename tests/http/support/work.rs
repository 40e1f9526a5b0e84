//! Long work on tenants, begun and waited for.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::app::TestApp;
use super::client::Answer;
use super::rows::Tenant;
use super::tokens;

/// Longer than any of it takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// With these settings, nobody can be in a tenant's old place any more soon after a move.
pub(crate) const HASTY: [(&str, &str); 1] = [("REQUEST_TIMEOUT", "2s")];

impl TestApp {
    /// Asks for something to be done to a tenant: `act(&acme, "purge")`.
    pub(crate) async fn act(&self, tenant: &Tenant, action: &str) -> Answer {
        self.post(&format!("/admin/v1/tenants/{}/{action}", tenant.slug)).bearer(&tokens::platform()).send().await
    }

    /// Asks for a tenant to be moved.
    pub(crate) async fn move_to(&self, tenant: &Tenant, isolation: &str) -> Answer {
        let call = self.post(&format!("/admin/v1/tenants/{}/move", tenant.slug)).bearer(&tokens::platform());
        call.json(&json!({ "isolation": isolation })).send().await
    }

    /// How far an operation is.
    pub(crate) async fn operation(&self, id: &str) -> Value {
        let call = self.get(&format!("/admin/v1/operations/{id}")).bearer(&tokens::platform());
        call.send().await.expect(200).json()
    }

    /// An operation once it has ended.
    pub(crate) async fn ended(&self, id: &str) -> Value {
        self.once(id, |operation| operation["status"] != "running").await
    }

    /// An operation once it is as it should be.
    pub(crate) async fn once(&self, id: &str, is_due: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let operation = self.operation(id).await;
            if is_due(&operation) {
                return operation;
            }
            assert!(began.elapsed() < PATIENCE, "it does not come to that: {operation}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A tenant as the platform sees it.
    pub(crate) async fn shown(&self, tenant: &Tenant) -> Answer {
        self.get(&format!("/admin/v1/tenants/{}", tenant.slug)).bearer(&tokens::platform()).send().await
    }

    /// What was done to a tenant or went wrong on its own, oldest first; not what was refused.
    pub(crate) async fn audited(&self, tenant: &Tenant) -> Vec<String> {
        let call = self.get(&format!("/admin/v1/audit?limit=100&tenant={}", tenant.id)).bearer(&tokens::platform());
        let log = call.send().await.expect(200).data();
        let happened = log.iter().rev().filter(|entry| entry["outcome"] != "refused");
        happened.map(|entry| entry["action"].as_str().expect("a word").to_owned()).collect()
    }
}
