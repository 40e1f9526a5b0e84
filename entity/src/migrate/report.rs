//! What a run of migrations tells, while it goes on and in the end.

use serde::Serialize;

/// One migration and whether a server's shared tables have had it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MigrationStatus {
    /// The further server, if it is not the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datastore: Option<String>,
    /// `catalog` or `tenant`.
    pub set: &'static str,
    /// Its name.
    pub name: String,
    /// Whether it has been applied.
    pub applied: bool,
}

/// A tenant whose tables could not be brought up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TenantFailure {
    /// Its slug.
    pub tenant: String,
    /// Why.
    pub error: String,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What the tables that are there once lacked.
    pub applied: Vec<MigrationStatus>,
    /// How many tenants' own tables lacked something.
    pub tenants: u64,
    /// How many of them have it now.
    pub migrated: u64,
    /// Those that failed.
    pub failed: Vec<TenantFailure>,
    /// How many were left alone: too many had failed, or the canary had, or their server is away.
    pub left: u64,
}

/// Is told how far the fleet is.
pub trait Watch: Send + Sync {
    /// So many of so many tenants are done, this one last; with the reason if it failed.
    fn tenant_done(&self, done: u64, of: u64, tenant: &str, error: Option<&str>);
}

/// Looks away.
impl Watch for () {
    fn tenant_done(&self, _: u64, _: u64, _: &str, _: Option<&str>) {}
}
