//! Lets a tenant change of its own row what is the platform's to decide.
//!
//! Must fail: a tenant's own changes are its name only, and the platform's changes do not fit its scope.

use entity::{Filter, OwnTenantChanges, TenantAccess, TenantChanges};

pub fn slug() -> OwnTenantChanges {
    OwnTenantChanges { slug: Some("admin".to_owned()), ..OwnTenantChanges::default() }
}

pub fn status() -> OwnTenantChanges {
    OwnTenantChanges { status: Some(entity::TenantStatus::Active), ..OwnTenantChanges::default() }
}

pub fn limits() -> OwnTenantChanges {
    OwnTenantChanges { limits: Some(entity::Limits::default()), ..OwnTenantChanges::default() }
}

pub fn domains() -> OwnTenantChanges {
    OwnTenantChanges { domains: Some(entity::Domains::default()), ..OwnTenantChanges::default() }
}

pub async fn by_the_platforms_changes(access: TenantAccess, changes: TenantChanges) {
    access.tenants().update_many(Filter::all(), changes).await;
}
