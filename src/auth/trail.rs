//! The audit trail of what the platform wanted and did not get.
//!
//! What was done is written down by whoever does it, in the same transaction. This is about the rest: a request of an operator
//! that was refused or failed.

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, web};
use entity::{Database, Outcome, PlatformAdmin, TenantName};
use serde_json::{Value, json};
use uuid::Uuid;

use super::ACCESS;
use crate::error::Error;
use crate::http::RouteTable;
use crate::tenancy;

/// The operator who made a request, once it is known that one did.
#[derive(Default)]
struct Trail(RefCell<Option<Footprint>>);

struct Footprint {
    admin: PlatformAdmin,
    /// The tenant that the request turned out to be for.
    tenant: Option<Uuid>,
    wish: Wish,
}

/// Notes that a request is an operator's.
pub(super) fn note_operator(request: &HttpRequest, admin: &PlatformAdmin) {
    if let Some(trail) = request.extensions().get::<Rc<Trail>>() {
        let footprint = |wish| Footprint { admin: admin.clone(), tenant: None, wish };
        trail.0.replace(Wish::of(request).map(footprint));
    }
}

/// Notes which tenant it is for.
pub(super) fn note_located(request: &HttpRequest, tenant: Uuid) {
    if let Some(trail) = request.extensions().get::<Rc<Trail>>()
        && let Some(footprint) = &mut *trail.0.borrow_mut()
    {
        footprint.tenant = Some(tenant);
    }
}

/// Writes down what an operator was refused. Wrap it around whatever ends requests.
pub async fn audit_refusals(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let trail = Rc::new(Trail::default());
    request.extensions_mut().insert(Rc::clone(&trail));
    let answer = next.call(request).await;
    if let Some(footprint) = trail.0.take()
        && let Some(refusal) = Refusal::of(&answer)
        && let Err(error) = footprint.write_down(&refusal).await
    {
        tracing::error!(%error, action = footprint.wish.action, "a refusal was not written into the audit log");
    }
    answer
}

impl Footprint {
    async fn write_down(&self, refusal: &Refusal) -> Result<(), entity::Error> {
        let platform = self.wish.database.platform(&self.admin);
        let tenant = match (self.tenant, &self.wish.named) {
            (None, Some(name)) => platform.tenant_find(name).await?.map(|tenant| tenant.id),
            (located, _) => located,
        };
        platform.audit_ended(&self.wish.action, tenant, self.wish.detail(refusal), refusal.outcome()).await
    }
}

/// What a request asks for, as far as the audit log is concerned.
struct Wish {
    action: String,
    method: String,
    route: String,
    /// The tenant in the path, if it can be one.
    named: Option<TenantName>,
    database: web::Data<Database>,
}

impl Wish {
    /// None if it is for nothing that would be written down: looking at the catalog.
    fn of(request: &HttpRequest) -> Option<Self> {
        let database = request.app_data::<web::Data<Database>>()?.clone();
        let method = request.method();
        let operation = request.app_data::<web::Data<RouteTable>>()?.operation(method, request.path())?;
        let is_action = operation.route.starts_with("/admin/");
        if is_action && method.is_safe() && !operation.is_export() {
            return None;
        }
        let action = if is_action { operation.id.replace('_', ".") } else { ACCESS.to_owned() };
        let named = request.match_info().get("tenant").and_then(tenancy::named);
        Some(Self { action, method: method.to_string(), route: operation.route.clone(), named, database })
    }

    fn detail(&self, refusal: &Refusal) -> Value {
        json!({ "method": self.method, "route": self.route, "status": refusal.status.as_u16(), "code": refusal.code })
    }
}

/// How a request was not fulfilled.
struct Refusal {
    status: StatusCode,
    code: Option<&'static str>,
}

impl Refusal {
    fn of<B>(answer: &Result<ServiceResponse<B>, actix_web::Error>) -> Option<Self> {
        let (status, error) = match answer {
            Ok(answer) => (answer.status(), answer.response().error()),
            Err(error) => (error.as_response_error().status_code(), Some(error)),
        };
        let code = error.and_then(|error| error.as_error::<Error>()).map(|error| error.code().as_str());
        (status.is_client_error() || status.is_server_error()).then_some(Self { status, code })
    }

    fn outcome(&self) -> Outcome {
        if self.status.is_server_error() { Outcome::Failed } else { Outcome::Refused }
    }
}
