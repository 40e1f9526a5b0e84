//! Tenants' tables brought up by the platform, and the ledger of that.

use actix_web::{HttpResponse, get, post};
use entity::MigrationQuery;

use super::CursorPaging;
use super::path::TenantPath;
use super::views::{MigrationFilter, MigrationView};
use crate::auth::extract::PlatformCaller;
use crate::error::Error;
use crate::http::QueryParams;
use crate::http::paging::Listing;
use crate::openapi::{AdminErrors, AdminTenantErrors, ConflictErrors, QueryErrors};

/// Bring a tenant's tables to the newest version
///
/// Answers when that is done. Asked for again, or where nothing is lacking, it changes nothing. What a conflict says has to be
/// repaired first; the tenant's tables are as they were.
#[utoipa::path(
    tag = "migrations",
    params(TenantPath),
    responses(
        (status = 200, description = "Its row of the ledger.", body = MigrationView),
        AdminErrors, AdminTenantErrors, ConflictErrors,
    )
)]
#[post("/tenants/{tenant}/migrate")]
pub(crate) async fn tenant_migrate(caller: PlatformCaller, path: TenantPath) -> Result<HttpResponse, Error> {
    let platform = caller.platform();
    let found = path.find(&platform).await?;
    let migration = platform.tenant_migrate(found.id).await?.ok_or(Error::TenantNotFound)?;
    Ok(HttpResponse::Ok().json(MigrationView::from(migration)))
}

/// Read the ledger of migrations
///
/// The last migration of every tenant that was ever migrated by itself, newest tenants first.
#[utoipa::path(
    tag = "migrations",
    params(CursorPaging, MigrationFilter),
    responses((status = 200, description = "Migrations.", body = Listing<MigrationView>), AdminErrors, QueryErrors)
)]
#[get("/migrations")]
pub(crate) async fn migration_list(
    caller: PlatformCaller,
    paging: QueryParams<CursorPaging>,
    filter: QueryParams<MigrationFilter>,
) -> Result<HttpResponse, Error> {
    let platform = caller.platform();
    let (paging, filter) = (paging.valid()?, filter.valid()?);
    let after = paging.cursor.map(|cursor| platform.migration_cursor(&cursor)).transpose()?;
    let query = MigrationQuery { state: filter.state };
    let migrations = platform.migration_list(query, after, paging.limit).await?;
    Ok(HttpResponse::Ok().json(Listing::of_slice(migrations).map(MigrationView::from)))
}
