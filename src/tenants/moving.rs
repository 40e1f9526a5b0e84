//! Tenants moved from one place to another.

use actix_web::http::header;
use actix_web::{HttpResponse, post};

use super::path::TenantPath;
use crate::auth::extract::PlatformCaller;
use crate::error::Error;
use crate::http::JsonBody;
use crate::openapi::{AdminErrors, AdminTenantErrors, BodyErrors, ConflictErrors};
use crate::operations::views::{OperationView, PlaceView};

/// Move a tenant to another place
///
/// It goes on reading and writing meanwhile. Its writes are held for a moment at the end (503 `tenant_moving`), in which every
/// row on both sides is compared; if anything differs, it stays where it is. Sending the same again answers with the same
/// operation.
#[utoipa::path(
    tag = "tenants",
    params(TenantPath),
    request_body = PlaceView,
    responses(
        (status = 202, description = "The move has begun.", body = OperationView, headers(
            ("Location" = String, description = "Where the operation is found."),
        )),
        AdminErrors, AdminTenantErrors, BodyErrors, ConflictErrors,
    )
)]
#[post("/tenants/{tenant}/move")]
pub(crate) async fn tenant_move(
    caller: PlatformCaller,
    path: TenantPath,
    body: JsonBody<PlaceView>,
) -> Result<HttpResponse, Error> {
    let target = body.valid()?;
    let platform = caller.platform();
    let tenant = path.find(&platform).await?;
    let operation = platform.tenant_move(tenant.id, target.into()).await?;
    let location = format!("/admin/v1/operations/{}", operation.id);
    Ok(HttpResponse::Accepted().insert_header((header::LOCATION, location)).json(OperationView::from(operation)))
}
