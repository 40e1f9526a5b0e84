//! Looking at an operation.

use actix_web::{HttpResponse, get};

use super::views::OperationView;
use crate::auth::extract::PlatformCaller;
use crate::error::Error;
use crate::http::PathId;
use crate::openapi::{AdminErrors, AdminRowErrors};

/// Read an operation
///
/// It goes on by itself; ask again until its `status` is no longer `running`.
#[utoipa::path(
    tag = "tenants",
    params(PathId),
    responses((status = 200, description = "The operation.", body = OperationView), AdminErrors, AdminRowErrors)
)]
#[get("/operations/{id}")]
pub(crate) async fn operation_get(caller: PlatformCaller, id: PathId) -> Result<HttpResponse, Error> {
    let operation = caller.platform().operation_find(id.valid()?).await?.ok_or(Error::NotFound)?;
    Ok(HttpResponse::Ok().json(OperationView::from(operation)))
}
