//! The tenant in an admin path.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use entity::{Platform, Tenant, TenantName};
use utoipa::IntoParams;

use crate::error::Error;

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

/// The tenant's name in a text; `None` if no tenant can have it, so that the database need not be asked.
pub(crate) fn named(text: &str) -> Option<TenantName> {
    let possible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    possible.then(|| TenantName::parse(text))
}
