//! Tenants made, found, listed and changed by the platform; and each one's look at itself.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, patch, post};
use entity::{TenantQuery, TenantStatus};

pub(crate) use super::keys::tenant_keys_rotate;
pub(crate) use super::lifecycle::{tenant_delete, tenant_restore, tenant_resume, tenant_suspend};
pub(crate) use super::migrations::{migration_list, tenant_migrate};
pub(crate) use super::moving::tenant_move;
pub(crate) use super::purge::tenant_purge;
pub(crate) use super::tokens::tenant_token;
pub(crate) use super::transfer::{tenant_export, tenant_import};

use super::CursorPaging;
use super::bodies::{TenantDraft, TenantPatch};
use super::path::TenantPath;
use super::views::{TenantFilter, TenantView};
use crate::auth::extract::{PlatformCaller, TenantReader};
use crate::config::TenancyConfig;
use crate::error::Error;
use crate::http::answer::{self, Created, location};
use crate::http::etag::{self, Expected};
use crate::http::paging::{Listing, Search};
use crate::http::{JsonBody, QueryParams};
use crate::openapi::{
    AdminErrors, AdminTenantErrors, BodyErrors, ConflictErrors, IfMatch, IfNoneMatch, PreconditionErrors, QueryErrors,
    TenantErrors,
};

/// List tenants
///
/// Newest first, in every state unless `status` says otherwise; `q` searches slugs and names.
#[utoipa::path(
    tag = "tenants",
    params(CursorPaging, Search, TenantFilter),
    responses((status = 200, description = "Tenants.", body = Listing<TenantView>), AdminErrors, QueryErrors)
)]
#[get("/tenants")]
pub(crate) async fn tenant_list(
    caller: PlatformCaller,
    paging: QueryParams<CursorPaging>,
    search: QueryParams<Search>,
    filter: QueryParams<TenantFilter>,
) -> Result<HttpResponse, Error> {
    let platform = caller.platform();
    let (paging, search, filter) = (paging.valid()?, search.valid()?, filter.valid()?);
    let after = paging.cursor.map(|cursor| platform.tenant_cursor(&cursor)).transpose()?;
    let query = TenantQuery { status: filter.status, isolation: filter.isolation, q: search.q };
    let tenants = platform.tenant_list(query, after, paging.limit).await?;
    Ok(HttpResponse::Ok().json(Listing::of_slice(tenants).map(TenantView::from)))
}

/// Make a tenant
///
/// With 201 it is ready to serve. With 202 its schema or database is still being made: it is `provisioning`, and becomes
/// `active` by itself; sending the same again waits for it.
#[utoipa::path(
    tag = "tenants",
    request_body = TenantDraft,
    responses(
        (status = 201, description = "The tenant.", body = TenantView, headers(
            ("Location" = String, description = "Where the tenant is found."),
            ("ETag" = String, description = "The tenant's version."),
        )),
        (status = 202, description = "The tenant, which is being provisioned.", body = TenantView),
        AdminErrors, BodyErrors, ConflictErrors,
    )
)]
#[post("/tenants")]
pub(crate) async fn tenant_create(
    caller: PlatformCaller,
    request: HttpRequest,
    tenancy: Data<TenancyConfig>,
    body: JsonBody<TenantDraft>,
) -> Result<HttpResponse, Error> {
    let platform = caller.platform();
    let placeable = |isolation, datastore: Option<&str>| platform.check_placement(isolation, datastore);
    let new = body.valid()?.checked(&tenancy, placeable)?;
    let tenant = platform.tenant_create(new).await.map_err(taken)?;
    if tenant.status == TenantStatus::Provisioning {
        return Ok(HttpResponse::Accepted().json(TenantView::from(tenant)));
    }
    let (location, tag) = (location(&request, tenant.id), etag::tag(tenant.id, tenant.version));
    Ok(Created::new(location, &tag, &TenantView::from(tenant))?.into())
}

/// Read a tenant
#[utoipa::path(
    tag = "tenants",
    params(TenantPath, IfNoneMatch),
    responses(
        (status = 200, description = "The tenant.", body = TenantView, headers(
            ("ETag" = String, description = "The tenant's version."),
        )),
        (status = 304, description = "It has not changed."),
        AdminErrors, AdminTenantErrors,
    )
)]
#[get("/tenants/{tenant}")]
pub(crate) async fn tenant_get(
    caller: PlatformCaller,
    request: HttpRequest,
    path: TenantPath,
) -> Result<HttpResponse, Error> {
    let tenant = path.find(&caller.platform()).await?;
    let tag = etag::tag(tenant.id, tenant.version);
    Ok(answer::row(&request, tag, &TenantView::from(tenant)))
}

/// Change a tenant
#[utoipa::path(
    tag = "tenants",
    params(TenantPath, IfMatch),
    request_body = TenantPatch,
    responses(
        (status = 200, description = "The tenant as it is now.", body = TenantView, headers(
            ("ETag" = String, description = "The tenant's version."),
        )),
        AdminErrors, AdminTenantErrors, BodyErrors, ConflictErrors, PreconditionErrors,
    )
)]
#[patch("/tenants/{tenant}")]
pub(crate) async fn tenant_update(
    caller: PlatformCaller,
    request: HttpRequest,
    path: TenantPath,
    tenancy: Data<TenancyConfig>,
    body: JsonBody<TenantPatch>,
) -> Result<HttpResponse, Error> {
    let changes = body.valid()?.checked(&tenancy)?;
    let platform = caller.platform();
    let found = path.find(&platform).await?;
    let expected = Expected::of(&request, found.id);
    if !expected.includes(found.version) {
        return Err(Error::PreconditionFailed);
    }
    let version = (expected != Expected::Any).then_some(found.version);
    let tenant = platform.tenant_update(found.id, version, changes).await.map_err(taken)?;
    // Nothing destroys a tenant: if it is not found any more, it has another version.
    let tenant = tenant.ok_or(Error::PreconditionFailed)?;
    let tag = etag::tag(tenant.id, tenant.version);
    Ok(answer::changed(tag, &TenantView::from(tenant)))
}

/// Read the caller's own tenant
#[utoipa::path(
    tag = "tenant",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "The tenant.", body = TenantView, headers(
            ("ETag" = String, description = "The tenant's version."),
        )),
        (status = 304, description = "It has not changed."),
        TenantErrors,
    )
)]
#[get("/tenant")]
pub(crate) async fn tenant_own(caller: TenantReader, request: HttpRequest) -> Result<HttpResponse, Error> {
    let tenant = caller.access().tenant().clone();
    let tag = etag::tag(tenant.id, tenant.version);
    Ok(answer::row(&request, tag, &TenantView::from(tenant)))
}

/// Of several domains, it is not known which one another tenant has.
pub(super) fn taken(error: entity::Error) -> Error {
    match error {
        entity::Error::Conflict { field: Some("domains") } => {
            Error::Conflict { detail: "One of these domains is already taken.".to_owned() }
        }
        other => other.into(),
    }
}
