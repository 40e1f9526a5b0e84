//! The OpenAPI document: made from the routes as they are served, never written by hand.
//!
//! Each handler describes itself with `#[utoipa::path]`; [`crate::routes`] registers it once, for the
//! server and for the document. What many operations share is here: refusals ([`TenantErrors`] and
//! its like), headers ([`IfMatch`] and its like), and what follows from a path alone.

mod errors;
mod finish;
mod params;
#[cfg(test)]
mod tests;
pub mod words;

use std::sync::LazyLock;

use actix_web::http::header::{self, CacheDirective};
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpResponse, get};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::{Config, SwaggerUi};

pub use errors::{
    AdminErrors, AdminRowErrors, AdminTenantErrors, BodyErrors, ConflictErrors, IdempotencyErrors, PreconditionErrors,
    QueryErrors, StreamErrors, TenantErrors,
};
pub use params::{IdempotencyKey, IfMatch, IfNoneMatch};

use crate::http::problem::Problem;
use crate::routes;

/// Where the document is served.
pub const DOCUMENT_PATH: &str = "/openapi.json";

/// The document as `/openapi.json` serves it: the same text for the life of the process.
static DOCUMENT: LazyLock<String> =
    LazyLock::new(|| document().to_json().expect("the document holds only strings, numbers and maps of strings"));

/// Describes every route that this version serves.
pub fn document() -> utoipa::openapi::OpenApi {
    let (_, mut document) =
        App::new().into_utoipa_app().openapi(Base::openapi()).configure(routes::routes).split_for_parts();
    finish::finish(&mut document);
    document
}

/// This description, for machines
#[utoipa::path(
    tag = "operations",
    responses((status = 200, description = "An OpenAPI 3.1 document.", body = serde_json::Value))
)]
#[get("/openapi.json")]
pub(crate) async fn openapi_document() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header(header::CacheControl(vec![CacheDirective::NoCache]))
        .body(DOCUMENT.as_str())
}

/// Serves the interactive pages at `/docs`. Every file is in the binary: they open without a network.
pub fn docs(config: &mut ServiceConfig) {
    // Else the page would show its own address to a checker of somebody else's.
    let offline = Config::from(DOCUMENT_PATH).validator_url("none");
    let ui = offline.display_request_duration(true).doc_expansion("list");
    config.service(web::redirect("/docs", "/docs/")).service(SwaggerUi::new("/docs/{_:.*}").config(ui));
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tenantry",
        description = include_str!("openapi/introduction.md"),
    ),
    servers((url = "/", description = "This server")),
    tags(
        (name = "users", description = "The people of one tenant."),
        (name = "posts", description = "What they write."),
        (name = "tenant", description = "The caller's own tenant."),
        (name = "tenants", description = "For the platform: every tenant and its life."),
        (name = "migrations", description = "For the platform: the version of each tenant's tables."),
        (name = "usage", description = "For the platform: what tenants have and use."),
        (name = "pools", description = "For the platform: the connections to databases."),
        (name = "audit", description = "For the platform: who did what to which tenant."),
        (name = "operations", description = "For machines that watch and describe the service."),
    ),
    components(schemas(Problem)),
    modifiers(&Shared),
)]
struct Base;

/// Adds what the derive macro has no words for.
struct Shared;

impl Modify for Shared {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.responses.extend(errors::components());
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.bearer_format = Some("JWT".to_owned());
        bearer.description = Some(
            "A signed token. For `/v1` it names a `tenant` and a `role` in it: `viewer` (reads), \
             `member` (reads, and writes its own posts) or `admin` (everything). For `/admin/v1` its \
             role is `platform_admin`. `tenantry token` prints one."
                .to_owned(),
        );
        components.add_security_scheme(finish::BEARER, SecurityScheme::Http(bearer));
    }
}
