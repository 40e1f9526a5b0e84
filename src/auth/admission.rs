//! The decision whether a request may work in a tenant, in the order in which it may be refused.

use actix_web::HttpRequest;
use entity::{AuditEntry, Located, PlatformAdmin, Role, TenantName, TenantStatus};
use futures_util::FutureExt;
use serde_json::json;

use super::ACCESS;
use super::Authenticator;
use super::extract::Caller;
use super::tokens::Claims;
use super::trail::note_located;
use crate::config::Resolver;
use crate::error::Error;
use crate::http::{hold, note_tenant, route};
use crate::tenancy::sources;

/// As what somebody asks to be let into a tenant.
enum Standing {
    Member(String, Role),
    Operator(PlatformAdmin),
}

impl Authenticator {
    /// Admits the request to the tenant that it names, if its token allows this role there.
    pub(super) async fn admit(&self, request: &HttpRequest, needed: Role) -> Result<Caller, Error> {
        let claims = self.claims(request)?;
        let named = sources::named(request, &self.tenancy);
        let (located, standing) = match claims {
            Claims::Tenant { tenant, subject, role } => {
                (self.locate_for_member(TenantName::parse(&tenant), named).await?, Standing::Member(subject, role))
            }
            Claims::Platform { operator } => {
                let admin = self.operator(request, &operator);
                (self.locate_for_platform(named).await?, Standing::Operator(admin))
            }
        };
        let located = located.filter(|located| located.tenant().status != TenantStatus::Deleted);
        let located = located.ok_or(Error::TenantNotFound)?;
        note_tenant(request, located.tenant().id);
        note_located(request, located.tenant().id);
        check_ready(&located)?;
        if located.tenant().writes_held && !request.method().is_safe() {
            return Err(Error::TenantMoving);
        }
        // An operator is let in to whoever sends too much, too.
        if let Standing::Member(..) = standing {
            hold(request, self.limiter.admit(located.tenant()).await?);
        }
        let caller = self.caller(standing, located)?;
        if caller.role() < needed {
            return Err(Error::Forbidden);
        }
        if caller.is_platform() {
            // Boxed: few need its future, which is many times as large as the rest.
            self.write_down_access(request, &caller).boxed_local().await?;
        }
        Ok(caller)
    }

    /// The token's tenant. Whatever else names a tenant must name this one, whether or not that other one exists.
    async fn locate_for_member(&self, own: TenantName, named: Vec<TenantName>) -> Result<Option<Located>, Error> {
        let mut names = named;
        names.push(own.clone());
        let found = self.gatekeeper.find(&names).await?;
        names.pop();
        forget_unknown_domains(&mut names, &found);
        let reserved = self.is_reserved(&own);
        let located = found.into_iter().find(|located| !reserved && located.is_named(&own));
        let agrees = |name: &TenantName| *name == own || located.as_ref().is_some_and(|it| it.is_named(name));
        if !names.iter().all(agrees) {
            return Err(Error::TenantMismatch);
        }
        let claim_counts = self.tenancy.resolvers.contains(Resolver::Token) && !reserved;
        if names.is_empty() && !claim_counts {
            return Err(Error::TenantUnidentified);
        }
        Ok(located)
    }

    /// The one tenant that everything in the request names.
    async fn locate_for_platform(&self, mut names: Vec<TenantName>) -> Result<Option<Located>, Error> {
        let found = self.gatekeeper.find(&names).await?;
        forget_unknown_domains(&mut names, &found);
        let first = names.first().ok_or(Error::TenantUnidentified)?;
        let located = found.into_iter().find(|located| located.is_named(first));
        let agrees = |name: &TenantName| name == first || located.as_ref().is_some_and(|it| it.is_named(name));
        if names.iter().all(agrees) { Ok(located) } else { Err(Error::TenantMismatch) }
    }

    /// Whether no tenant is meant by this name, even if one has it.
    fn is_reserved(&self, name: &TenantName) -> bool {
        matches!(name, TenantName::Slug(slug) if self.tenancy.reserved_slugs.contains(slug))
    }

    fn caller(&self, standing: Standing, located: Located) -> Result<Caller, Error> {
        let access = self.gatekeeper.admit(located)?;
        Ok(match standing {
            Standing::Member(subject, role) => Caller::member(access, subject, role),
            Standing::Operator(admin) => Caller::platform(access, admin),
        })
    }

    /// The platform's use of a tenant's data is written down before it happens, or does not happen.
    async fn write_down_access(&self, request: &HttpRequest, caller: &Caller) -> Result<(), Error> {
        let Some(admin) = caller.platform_admin() else { return Ok(()) };
        let detail =
            json!({ "method": request.method().as_str(), "route": route(request).as_deref().unwrap_or_default() });
        let entry = AuditEntry { action: ACCESS, tenant_id: Some(caller.access().id()), detail };
        Ok(self.database.platform(admin).audit_record(entry).await?)
    }
}

fn check_ready(located: &Located) -> Result<(), Error> {
    match located.tenant().status {
        TenantStatus::Suspended => Err(Error::TenantSuspended),
        TenantStatus::Provisioning => Err(Error::TenantNotReady),
        TenantStatus::Deleted => Err(Error::TenantNotFound),
        TenantStatus::Active if !located.is_current() => Err(Error::TenantNotReady),
        TenantStatus::Active => Ok(()),
    }
}

/// A host that is nobody's custom domain is just the name of this service: it names no tenant.
fn forget_unknown_domains(names: &mut Vec<TenantName>, found: &[Located]) {
    names.retain(|name| !matches!(name, TenantName::Domain(_)) || found.iter().any(|located| located.is_named(name)));
}
