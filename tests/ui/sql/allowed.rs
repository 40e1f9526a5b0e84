//! Crates that a handler can name, used for what they are for.

use actix_web::HttpResponse;
use entity::{Database, Error, TenantAccess, Transaction};
use serde::Serialize;

#[derive(Serialize)]
pub struct Answer {
    id: uuid::Uuid,
    at: chrono::DateTime<chrono::Utc>,
}

pub fn answer(access: &TenantAccess) -> HttpResponse {
    HttpResponse::Ok().json(Answer { id: access.id(), at: access.tenant().created_at })
}

pub async fn together(access: &TenantAccess) -> Result<(), Error> {
    access.transaction(async |_: &Transaction| Ok(())).await
}

pub async fn answers(database: &Database) -> Result<(), Error> {
    database.ping().await
}
