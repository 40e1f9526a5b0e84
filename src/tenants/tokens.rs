//! Tokens that the platform gives out for a tenant.

use actix_web::http::header::{CacheControl, CacheDirective};
use actix_web::{HttpResponse, post};
use entity::{AuditEntry, TenantStatus};
use serde_json::json;

use super::bodies::TokenDraft;
use super::path::TenantPath;
use super::views::TokenView;
use crate::auth::extract::PlatformCaller;
use crate::auth::tokens::{Claims, SignError};
use crate::error::Error;
use crate::http::JsonBody;
use crate::openapi::{AdminErrors, AdminTenantErrors, BodyErrors, ConflictErrors};

/// Sign a token for a tenant
///
/// Good for one tenant and role. It cannot be taken back before it expires; giving it out is in the audit log.
#[utoipa::path(
    tag = "tenants",
    params(TenantPath),
    request_body = TokenDraft,
    responses(
        (status = 201, description = "The token.", body = TokenView),
        AdminErrors, AdminTenantErrors, BodyErrors, ConflictErrors,
    )
)]
#[post("/tenants/{tenant}/tokens")]
pub(crate) async fn tenant_token(
    caller: PlatformCaller,
    path: TenantPath,
    body: JsonBody<TokenDraft>,
) -> Result<HttpResponse, Error> {
    let draft = body.valid()?;
    let platform = caller.platform();
    let tenant = path.find(&platform).await?;
    if tenant.status == TenantStatus::Deleted {
        return Err(Error::Conflict { detail: "A deleted tenant gets no tokens.".to_owned() });
    }
    let subject = draft.user_id.map_or_else(|| caller.operator().to_owned(), |user| user.to_string());
    let detail = json!({ "role": draft.role, "subject": subject, "ttl_seconds": draft.ttl.as_secs() });
    let claims = Claims::Tenant { subject, tenant: tenant.id.to_string(), role: draft.role };
    let signed = caller.sign(&claims, draft.ttl).map_err(not_signed)?;
    let entry = AuditEntry { action: "tenant.token", tenant_id: Some(tenant.id), detail };
    platform.audit_record(entry).await?;
    Ok(HttpResponse::Created().insert_header(CacheControl(vec![CacheDirective::NoStore])).json(TokenView::from(signed)))
}

fn not_signed(error: SignError) -> Error {
    match error {
        SignError::NoSecret => Error::Conflict {
            detail: "This server has no JWT_SECRET, so it cannot sign tokens; whoever holds the keys can.".to_owned(),
        },
        other => Error::internal(other),
    }
}
