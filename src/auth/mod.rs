//! Who is asking, and what for.
//!
//! A request becomes a [`Caller`](extract::Caller) or a [`PlatformCaller`](extract::PlatformCaller) here or nowhere. The
//! [`Gatekeeper`], which makes the data crate's proofs, is a private field of [`Authenticator`]: no handler can reach it.

mod admission;
pub mod extract;
pub mod keys;
mod origin;
pub mod tokens;
mod trail;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, Header};
use actix_web_httpauth::headers::authorization::{Authorization, Bearer};
use entity::{Database, Gatekeeper, Origin, PlatformAdmin};

use crate::config::TenancyConfig;
use crate::error::Error;
use crate::http::request_id;
use crate::limits::Limiter;
use keys::Keys;
pub use origin::TrustedProxies;
use tokens::{Believed, Claims};
pub use trail::audit_refusals;

/// How the audit log calls an operator's use of a tenant's data.
const ACCESS: &str = "tenant.access";

/// Verifies tokens and admits requests to tenants. Belongs in the application's data.
pub struct Authenticator {
    tokens: Believed,
    gatekeeper: Gatekeeper,
    database: Database,
    tenancy: TenancyConfig,
    proxies: TrustedProxies,
    limiter: Limiter,
}

impl Authenticator {
    /// Takes charge of the gatekeeper.
    pub fn new(
        keys: Keys,
        gatekeeper: Gatekeeper,
        database: Database,
        tenancy: TenancyConfig,
        proxies: TrustedProxies,
        limiter: Limiter,
    ) -> Self {
        Self { tokens: Believed::new(keys), gatekeeper, database, tenancy, proxies, limiter }
    }

    /// The proof that a request is an operator's, with where it comes from.
    fn operator(&self, request: &HttpRequest, operator: &str) -> PlatformAdmin {
        let origin = Origin::request(&self.proxies.origin(request), &request_id(request));
        let admin = self.gatekeeper.platform_admin(operator, origin);
        trail::note_operator(request, &admin);
        admin
    }

    /// Who the request's token speaks for.
    fn claims(&self, request: &HttpRequest) -> Result<Claims, Error> {
        match request.headers().get_all(AUTHORIZATION).count() {
            0 => return Err(Error::Unauthenticated(None)),
            1 => {}
            _ => return Err(refused("more than one Authorization header was sent")),
        }
        let authorization = Authorization::<Bearer>::parse(request)
            .map_err(|_| refused("the Authorization header does not hold a bearer token"))?;
        self.tokens.verify(authorization.as_ref().token()).map_err(|error| refused(&error.to_string()))
    }
}

fn refused(why: &str) -> Error {
    Error::Unauthenticated(Some(format!("The token was refused: {why}.")))
}
