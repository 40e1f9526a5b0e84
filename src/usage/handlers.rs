//! Reading what tenants have and used.

use actix_web::{HttpResponse, get, web};
use entity::UsageQuery;
use uuid::Uuid;

use super::Meter;
use super::views::{StatsQuery, StatsView, TenantStatsView, UsageView};
use crate::auth::extract::PlatformCaller;
use crate::error::Error;
use crate::http::QueryParams;
use crate::openapi::{AdminErrors, AdminTenantErrors, QueryErrors};
use crate::tenants::TenantPath;

/// Read what a tenant has and used
///
/// Usage is counted by every process and written down every five seconds; what the process that answers has counted is in it,
/// what others counted in the last seconds may not be. Without `from`, as far back as it is kept (`USAGE_RETENTION`).
#[utoipa::path(
    tag = "usage",
    params(TenantPath, StatsQuery),
    responses(
        (status = 200, description = "What the tenant has and used.", body = TenantStatsView),
        AdminErrors, AdminTenantErrors, QueryErrors,
    )
)]
#[get("/tenants/{tenant}/stats")]
pub(crate) async fn tenant_stats(
    caller: PlatformCaller,
    tenant: TenantPath,
    query: QueryParams<StatsQuery>,
    meter: web::Data<Meter>,
) -> Result<HttpResponse, Error> {
    let tenant = tenant.find(&caller.platform()).await?;
    let usage = usage(&caller, &meter, Some(tenant.id), query.valid()?).await?;
    let stored = caller.platform().stored_by(&tenant).await?;
    Ok(HttpResponse::Ok().json(TenantStatsView::new(&tenant, stored, usage)))
}

/// Read what all tenants have and used
///
/// As for one tenant, of all together. Rows and bytes are asked for in each place, for five seconds at most: what has not
/// answered then is in `missing`.
#[utoipa::path(
    tag = "usage",
    params(StatsQuery),
    responses(
        (status = 200, description = "What all tenants have and used.", body = StatsView),
        AdminErrors, QueryErrors,
    )
)]
#[get("/stats")]
pub(crate) async fn stats(
    caller: PlatformCaller,
    query: QueryParams<StatsQuery>,
    meter: web::Data<Meter>,
) -> Result<HttpResponse, Error> {
    let usage = usage(&caller, &meter, None, query.valid()?).await?;
    let stored = caller.platform().stored_by_all().await?;
    Ok(HttpResponse::Ok().json(StatsView::new(stored, usage)))
}

async fn usage(
    caller: &PlatformCaller,
    meter: &Meter,
    tenant_id: Option<Uuid>,
    query: StatsQuery,
) -> Result<UsageView, Error> {
    meter.flush().await?;
    let asked = UsageQuery { tenant_id, from: query.from, to: query.to };
    let hours = caller.platform().usage_list(asked).await?;
    Ok(UsageView::new(&hours, query.by))
}
