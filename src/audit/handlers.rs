//! Reading the audit log. Nothing writes it but the actions themselves.

use actix_web::{HttpResponse, get};
use entity::{AuditQuery, Platform, TenantName};
use uuid::Uuid;

use super::views::{AuditEntryView, AuditFilter};
use crate::auth::extract::PlatformCaller;
use crate::error::Error;
use crate::http::QueryParams;
use crate::http::paging::Listing;
use crate::openapi::{AdminErrors, QueryErrors};
use crate::tenancy;
use crate::tenants::CursorPaging;

/// Read the audit log
///
/// Newest first: who of the platform did what to which tenant, from where, and how it ended. What an operator does inside a
/// tenant is written down before it happens, as `tenant.access`.
#[utoipa::path(
    tag = "audit",
    params(CursorPaging, AuditFilter),
    responses((status = 200, description = "Entries.", body = Listing<AuditEntryView>), AdminErrors, QueryErrors)
)]
#[get("/audit")]
pub(crate) async fn audit_list(
    caller: PlatformCaller,
    paging: QueryParams<CursorPaging>,
    filter: QueryParams<AuditFilter>,
) -> Result<HttpResponse, Error> {
    let platform = caller.platform();
    let (paging, filter) = (paging.valid()?, filter.valid()?);
    let after = paging.cursor.map(|cursor| platform.audit_cursor(&cursor)).transpose()?;
    let tenant_id = match &filter.tenant {
        Some(tenant) => Some(id_of(tenant, &platform).await?),
        None => None,
    };
    let query = AuditQuery {
        tenant_id,
        actor: filter.actor,
        action: filter.action,
        outcome: filter.outcome,
        from: filter.from,
        to: filter.to,
    };
    let entries = platform.audit_list(query, after, paging.limit).await?;
    Ok(HttpResponse::Ok().json(Listing::of_slice(entries).map(AuditEntryView::from)))
}

/// The id of the tenant in the filter. An id is taken as it is: entries outlive the tenant that they are about.
async fn id_of(tenant: &str, platform: &Platform<'_>) -> Result<Uuid, Error> {
    let unknown = || Error::invalid("tenant", "names no tenant");
    let name = tenancy::named(tenant).ok_or_else(unknown)?;
    if let TenantName::Id(id) = name {
        return Ok(id);
    }
    platform.tenant_find(&name).await?.map(|tenant| tenant.id).ok_or_else(unknown)
}
