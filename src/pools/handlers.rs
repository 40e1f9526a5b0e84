//! Reading how full the pools are.

use actix_web::{HttpResponse, get, web};
use entity::Database;

use super::views::{BudgetView, PoolView, PoolsView};
use crate::auth::extract::PlatformCaller;
use crate::error::Error;
use crate::openapi::AdminErrors;

/// List the connection pools
///
/// Those of the process that answers, as they are now. A pool is made when it is first needed; one of a tenant's own database
/// is gone again when it was not used for a while.
#[utoipa::path(
    tag = "pools",
    responses((status = 200, description = "Every pool, and the budget that they share.", body = PoolsView), AdminErrors)
)]
#[get("/pools")]
pub(crate) async fn pool_list(_: PlatformCaller, database: web::Data<Database>) -> Result<HttpResponse, Error> {
    let data = database.pools().into_iter().map(PoolView::from).collect();
    Ok(HttpResponse::Ok().json(PoolsView { data, budget: BudgetView::from(database.budget()) }))
}
