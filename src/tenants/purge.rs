//! Tenants destroyed for good.

use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use entity::{Certificate, Destroyed, Isolation};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::path::TenantPath;
use crate::auth::extract::PlatformCaller;
use crate::error::Error;
use crate::http::time::micros;
use crate::openapi::{AdminErrors, AdminTenantErrors, ConflictErrors, words};

/// Purge a deleted tenant
///
/// Destroys everything it has, for good, and certifies it; the certificate is in the audit log too. Its slug stays taken, because
/// tokens may still name it.
#[utoipa::path(
    tag = "tenants",
    params(TenantPath),
    responses(
        (status = 200, description = "It is destroyed.", body = CertificateView),
        AdminErrors, AdminTenantErrors, ConflictErrors,
    )
)]
#[post("/tenants/{tenant}/purge")]
pub(crate) async fn tenant_purge(caller: PlatformCaller, path: TenantPath) -> Result<HttpResponse, Error> {
    let platform = caller.platform();
    let tenant = path.find(&platform).await?;
    let certificate = platform.tenant_purge(tenant.id).await?;
    Ok(HttpResponse::Ok().json(CertificateView::from(certificate)))
}

/// Says what was destroyed, where and when.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ErasureCertificate)]
pub(crate) struct CertificateView {
    /// The operation that did it.
    id: Uuid,
    tenant_id: Uuid,
    #[schema(example = "acme")]
    slug: String,
    name: String,
    #[schema(schema_with = words::isolation)]
    isolation: Isolation,
    /// The further database server, if not the first.
    #[schema(required)]
    datastore: Option<String>,
    /// What its place was called.
    #[schema(example = "shared tables")]
    place: String,
    /// Every table with the number of rows that were in it.
    destroyed: Vec<DestroyedView>,
    /// The operator who asked for it.
    requested_by: String,
    #[serde(serialize_with = "micros")]
    requested_at: DateTime<Utc>,
    /// When nothing was left.
    #[serde(serialize_with = "micros")]
    purged_at: DateTime<Utc>,
}

/// The rows of one table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Destroyed)]
struct DestroyedView {
    #[schema(example = "posts")]
    table: String,
    #[schema(minimum = 0)]
    rows: u64,
}

impl From<Certificate> for CertificateView {
    fn from(certificate: Certificate) -> Self {
        let row = |Destroyed { table, rows }| DestroyedView { table, rows };
        Self {
            id: certificate.id,
            tenant_id: certificate.tenant_id,
            slug: certificate.slug,
            name: certificate.name,
            isolation: certificate.isolation,
            datastore: certificate.datastore,
            place: certificate.place,
            destroyed: certificate.destroyed.into_iter().map(row).collect(),
            requested_by: certificate.requested_by,
            requested_at: certificate.requested_at,
            purged_at: certificate.purged_at,
        }
    }
}
