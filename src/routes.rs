//! Every route, on one screen. The same list makes the server and its OpenAPI document.

use actix_web::web;
use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{audit, health, openapi, operations, pools, posts, tenants, usage, users};

/// The route whose body may be as large as a tenant.
pub const STREAMED: &str = "/admin/v1/tenants/import";

/// Every route that the document describes.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(scope("/v1").configure(tenant_routes));
    config.service(scope("/admin/v1").configure(platform_routes));
    config.service(health::healthz);
    config.service(health::readyz);
    config.service(health::metrics_text);
    config.service(openapi::openapi_document);
}

/// For a tenant's users. Also served below `/t/{tenant}`.
fn tenant_routes(config: &mut ServiceConfig<'_>) {
    config.service(tenants::handlers::tenant_own);

    config.service(users::handlers::user_list);
    config.service(users::handlers::user_create);
    config.service(users::handlers::user_get);
    config.service(users::handlers::user_update);
    config.service(users::handlers::user_delete);
    config.service(users::handlers::user_posts);

    config.service(posts::handlers::post_list);
    config.service(posts::handlers::post_create);
    config.service(posts::handlers::post_get);
    config.service(posts::handlers::post_update);
    config.service(posts::handlers::post_delete);
}

/// For the platform's operators.
fn platform_routes(config: &mut ServiceConfig<'_>) {
    config.service(tenants::handlers::tenant_list);
    config.service(tenants::handlers::tenant_create);
    config.service(tenants::handlers::tenant_get);
    config.service(tenants::handlers::tenant_update);
    config.service(tenants::handlers::tenant_delete);
    config.service(tenants::handlers::tenant_suspend);
    config.service(tenants::handlers::tenant_resume);
    config.service(tenants::handlers::tenant_restore);
    config.service(tenants::handlers::tenant_token);
    config.service(tenants::handlers::tenant_migrate);
    config.service(tenants::handlers::migration_list);
    config.service(tenants::handlers::tenant_move);
    config.service(tenants::handlers::tenant_keys_rotate);
    config.service(tenants::handlers::tenant_export);
    config.service(tenants::handlers::tenant_import);
    config.service(tenants::handlers::tenant_purge);

    config.service(operations::handlers::operation_get);

    config.service(usage::handlers::tenant_stats);
    config.service(usage::handlers::stats);

    config.service(audit::handlers::audit_list);
    config.service(pools::handlers::pool_list);
}

/// Puts the routes and the documentation's pages into the server.
pub fn mount(config: &mut web::ServiceConfig) {
    routes(&mut ServiceConfig::new(config));
    openapi::docs(config);
}
