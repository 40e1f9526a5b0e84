//! Where commands that change tenants work: the open database, and who asks.

use std::error::Error;
use std::io;

use actix_web::ResponseError;
use clap::Args;
use entity::{Database, Origin, Outcome, Platform, PlatformAdmin, Tenant, TenantName, TenantQuery};
use serde_json::json;

use super::{Failure, login_name};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct Which {
    /// The tenant's slug or id
    pub(super) tenant: String,
}

/// The open database, and the proof that whoever has the command line is of the platform.
pub(super) struct Office {
    pub(super) config: Config,
    pub(super) database: Database,
    admin: PlatformAdmin,
}

/// A failure that the audit log has already: of an operation, which writes down its own end.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct WrittenDown(pub(super) String);

impl Office {
    pub(super) async fn open() -> Result<Self, Failure> {
        let config = Config::from_env()?;
        let (database, gatekeeper) = entity::open(&config.database).await?;
        let admin = gatekeeper.platform_admin(&format!("cli:{}", login_name()), Origin::command_line());
        Ok(Self { config, database, admin })
    }

    pub(super) fn platform(&self) -> Platform<'_> {
        self.database.platform(&self.admin)
    }

    pub(super) async fn find(&self, which: &Which) -> Result<Tenant, Failure> {
        let found = self.platform().tenant_find(&TenantName::parse(&which.tenant)).await?;
        found.ok_or_else(|| format!("there is no tenant {:?}", which.tenant).into())
    }

    /// All of them.
    pub(super) async fn tenants(&self, query: TenantQuery) -> Result<Vec<Tenant>, Failure> {
        let (mut tenants, mut after) = (Vec::new(), None);
        loop {
            let slice = self.platform().tenant_list(query.clone(), after, 100).await?;
            tenants.extend(slice.rows);
            after = slice.next;
            if after.is_none() {
                return Ok(tenants);
            }
        }
    }

    /// Writes into the audit log that something was not done, with what the operator was told.
    pub(super) async fn write_down(&self, action: &str, tenant: Option<&str>, failure: &(dyn Error + 'static)) {
        if failure.is::<WrittenDown>() {
            return;
        }
        if let Err(error) = self.written_down(action, tenant, failure).await {
            eprintln!("tenantry: not written into the audit log: {error}");
        }
    }

    async fn written_down(
        &self,
        action: &str,
        tenant: Option<&str>,
        failure: &(dyn Error + 'static),
    ) -> Result<(), entity::Error> {
        let found = match tenant {
            Some(name) => self.platform().tenant_find(&TenantName::parse(name)).await?,
            None => None,
        };
        let detail = json!({ "error": failure.to_string() });
        self.platform().audit_ended(action, found.map(|tenant| tenant.id), detail, outcome(failure)).await
    }
}

/// As the same would be answered over HTTP: a fault is another thing than what whoever asks can put right.
fn outcome(failure: &(dyn Error + 'static)) -> Outcome {
    let is_fault = match failure.downcast_ref::<entity::Error>() {
        Some(error) => crate::error::Error::from(error.clone()).status_code().is_server_error(),
        None => failure.is::<io::Error>(),
    };
    if is_fault { Outcome::Failed } else { Outcome::Refused }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_from_a_refusal() {
        let of = |failure: Failure| outcome(failure.as_ref());
        assert_eq!(of(entity::Error::Timeout.into()), Outcome::Failed);
        assert_eq!(of(entity::Error::Unavailable("away".to_owned()).into()), Outcome::Failed);
        assert_eq!(of(io::Error::other("no space left").into()), Outcome::Failed);
        assert_eq!(of(entity::Error::NotPossible("it is suspended".to_owned()).into()), Outcome::Refused);
        assert_eq!(of("there is no tenant".into()), Outcome::Refused);
    }
}
