//! The tenant in an admin path.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use entity::{Platform, Tenant};
use utoipa::IntoParams;

use crate::error::Error;
use crate::tenancy::named;

/// The path's `{tenant}`, as it was sent.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct TenantPath {
    /// The tenant's id or slug.
    #[param(example = "acme")]
    tenant: String,
}

impl TenantPath {
    /// The tenant that it names, in whatever state: 404 if there is none.
    pub(crate) async fn find(&self, platform: &Platform<'_>) -> Result<Tenant, Error> {
        let name = named(&self.tenant).ok_or(Error::TenantNotFound)?;
        platform.tenant_find(&name).await?.ok_or(Error::TenantNotFound)
    }
}

impl FromRequest for TenantPath {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let tenant = request.match_info().get("tenant").unwrap_or_default();
        ready(Ok(Self { tenant: tenant.to_owned() }))
    }
}
