//! Tenants moved from one state to another by the platform.
//!
//! Asking for the state that a tenant is in already is not an error: the answer is the same.

use actix_web::{HttpRequest, HttpResponse, delete, post};
use entity::{Tenant, Transition};

use super::path::TenantPath;
use super::views::TenantView;
use crate::auth::extract::PlatformCaller;
use crate::error::Error;
use crate::http::answer;
use crate::http::etag::{self, Expected};
use crate::openapi::{AdminErrors, AdminTenantErrors, ConflictErrors, IfMatch, PreconditionErrors};

/// Delete a tenant
///
/// It is marked as deleted and no longer served. Nothing is destroyed; its slug and domains stay taken.
#[utoipa::path(
    tag = "tenants",
    params(TenantPath, IfMatch),
    responses(
        (status = 204, description = "It is deleted."),
        AdminErrors, AdminTenantErrors, ConflictErrors, PreconditionErrors,
    )
)]
#[delete("/tenants/{tenant}")]
pub(crate) async fn tenant_delete(
    caller: PlatformCaller,
    request: HttpRequest,
    path: TenantPath,
) -> Result<HttpResponse, Error> {
    let platform = caller.platform();
    let found = path.find(&platform).await?;
    if !Expected::of(&request, found.id).includes(found.version) {
        return Err(Error::PreconditionFailed);
    }
    turned(platform.tenant_delete(found.id).await?, "deleted")?;
    Ok(HttpResponse::NoContent().finish())
}

/// Suspend a tenant
///
/// Its requests are refused until it is resumed; nothing is lost.
#[utoipa::path(
    tag = "tenants",
    params(TenantPath),
    responses(
        (status = 200, description = "It is suspended.", body = TenantView, headers(
            ("ETag" = String, description = "The tenant's version."),
        )),
        AdminErrors, AdminTenantErrors, ConflictErrors,
    )
)]
#[post("/tenants/{tenant}/suspend")]
pub(crate) async fn tenant_suspend(caller: PlatformCaller, path: TenantPath) -> Result<HttpResponse, Error> {
    let platform = caller.platform();
    let found = path.find(&platform).await?;
    let tenant = turned(platform.tenant_suspend(found.id).await?, "suspended")?;
    Ok(shown(tenant))
}

/// Resume a suspended tenant
#[utoipa::path(
    tag = "tenants",
    params(TenantPath),
    responses(
        (status = 200, description = "It is served.", body = TenantView, headers(
            ("ETag" = String, description = "The tenant's version."),
        )),
        AdminErrors, AdminTenantErrors, ConflictErrors,
    )
)]
#[post("/tenants/{tenant}/resume")]
pub(crate) async fn tenant_resume(caller: PlatformCaller, path: TenantPath) -> Result<HttpResponse, Error> {
    let platform = caller.platform();
    let found = path.find(&platform).await?;
    let tenant = turned(platform.tenant_resume(found.id).await?, "resumed")?;
    Ok(shown(tenant))
}

/// Restore a deleted tenant
///
/// It has everything it had. If it was suspended when it was deleted, it is suspended again.
#[utoipa::path(
    tag = "tenants",
    params(TenantPath),
    responses(
        (status = 200, description = "It is there again.", body = TenantView, headers(
            ("ETag" = String, description = "The tenant's version."),
        )),
        AdminErrors, AdminTenantErrors, ConflictErrors,
    )
)]
#[post("/tenants/{tenant}/restore")]
pub(crate) async fn tenant_restore(caller: PlatformCaller, path: TenantPath) -> Result<HttpResponse, Error> {
    let platform = caller.platform();
    let found = path.find(&platform).await?;
    let tenant = turned(platform.tenant_restore(found.id).await?, "restored")?;
    Ok(shown(tenant))
}

/// The tenant in its new state: 409 if its old one does not lead there.
fn turned(transition: Transition, into: &str) -> Result<Tenant, Error> {
    match transition {
        Transition::Done(tenant) | Transition::Already(tenant) => Ok(tenant),
        Transition::NotPossible(tenant) => {
            Err(Error::Conflict { detail: format!("A tenant that is {} cannot be {into}.", tenant.status) })
        }
        Transition::Missing => Err(Error::TenantNotFound),
    }
}

fn shown(tenant: Tenant) -> HttpResponse {
    let tag = etag::tag(tenant.id, tenant.version);
    answer::changed(tag, &TenantView::from(tenant))
}
