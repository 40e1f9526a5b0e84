//! Tenants' data keys.

use actix_web::http::header;
use actix_web::{HttpResponse, post};

use super::path::TenantPath;
use crate::auth::extract::PlatformCaller;
use crate::error::Error;
use crate::openapi::{AdminErrors, AdminTenantErrors, ConflictErrors};
use crate::operations::views::OperationView;

/// Give a tenant a new data key
///
/// What is written from now on is sealed with it; what is there is sealed again while the tenant works. The old key is retired
/// when no row uses it any more. Needs a master key (409 without one). Sending the same again answers with the same operation
/// as long as it goes on.
#[utoipa::path(
    tag = "tenants",
    params(TenantPath),
    responses(
        (status = 202, description = "The tenant has a new key, and its rows are being sealed again.", body = OperationView,
            headers(("Location" = String, description = "Where the operation is found."))),
        AdminErrors, AdminTenantErrors, ConflictErrors,
    )
)]
#[post("/tenants/{tenant}/keys/rotate")]
pub(crate) async fn tenant_keys_rotate(caller: PlatformCaller, path: TenantPath) -> Result<HttpResponse, Error> {
    let platform = caller.platform();
    let tenant = path.find(&platform).await?;
    let operation = platform.tenant_rotate_key(tenant.id).await?;
    let location = format!("/admin/v1/operations/{}", operation.id);
    Ok(HttpResponse::Accepted().insert_header((header::LOCATION, location)).json(OperationView::from(operation)))
}
