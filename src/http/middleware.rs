//! What every request passes through.
//!
//! [`edge`] is the outermost: it names the request, writes the body of every refusal, whoever made it, adds the
//! headers that all answers share, and logs one line. [`deadline`] is the innermost: it ends requests that take
//! too long, and turns a panic into an ordinary fault.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, web};
use entity::Database;
use futures_util::FutureExt;
use tracing::Instrument;

use super::problem::{MEDIA_TYPE, Problem};
use super::trace::{REQUEST_ID, Trace};
use super::{Limits, span};
use crate::error::Error;
use crate::usage::{Account, Metered};

/// Names the request, renders refusals, adds the common headers, logs. Wrap it around everything else.
pub async fn edge(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = Instant::now();
    let trace = Trace::begin(&request);
    let database = request.app_data::<web::Data<Database>>().cloned();
    let private = request.headers().contains_key(header::AUTHORIZATION);
    if request.method() == Method::HEAD {
        // Routed as GET; the server itself leaves the body out.
        request.head_mut().method = Method::GET;
    }
    let logged = tracing::info_span!("request", request_id = %trace.id, tenant = tracing::field::Empty);
    let traced = span::begin(&request, &trace);
    let answer = next.call(request).instrument(logged).instrument(traced.clone()).await;

    // A middleware further in has lost the request where it failed itself: such an answer travels inside an error.
    let answer = match answer {
        Ok(answer) => {
            // Known already if the request got as far as to be counted.
            trace.note_route(answer.request());
            let (request, response) = answer.into_parts();
            let response = finished(response.map_into_boxed_body(), None, &trace, private);
            Ok(ServiceResponse::new(request, metered(response, &trace, database)))
        }
        Err(error) => Err(metered(finished(error.error_response(), Some(&error), &trace, private), &trace, database)),
    };
    let status = answer.as_ref().map_or_else(HttpResponse::status, ServiceResponse::status);
    span::end(&traced, &trace, status);
    log(&trace, status, started);
    answer.map_err(|response| InternalError::from_response("refused", response).into())
}

/// Ends a request that takes longer than [`Limits::time`], and answers for one that panics.
pub async fn deadline(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let limits = request.app_data::<web::Data<Limits>>().ok_or_else(|| Error::internal("no limits are configured"))?;
    let is_streamed = request.method() == Method::POST && limits.streamed == Some(request.path());
    let time = if is_streamed { Duration::MAX } else { limits.time };
    let work = AssertUnwindSafe(next.call(request)).catch_unwind();
    match tokio::time::timeout(time, work).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(Error::internal("the handler panicked").into()),
        Err(_) => Err(Error::Timeout.into()),
    }
}

/// The answer as it leaves: with a problem for a body if it is a refusal, and with the headers that all answers share.
fn finished(
    response: HttpResponse,
    failure: Option<&actix_web::Error>,
    trace: &Trace,
    private: bool,
) -> HttpResponse<BoxBody> {
    let problem = problem(&response, failure, &trace.id);
    let mut response = match problem {
        Some(problem) => rendered(response, &problem),
        None => response,
    };
    let uncached = if response.status().is_client_error() || response.status().is_server_error() {
        Some("no-store")
    } else {
        private.then_some("private, no-cache")
    };
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&trace.id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(directive) = uncached {
        insert_if_absent(headers, header::CACHE_CONTROL, directive);
    }
    insert_if_absent(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    insert_if_absent(headers, header::CONTENT_SECURITY_POLICY, "frame-ancestors 'none'");
    response
}

/// Where the request was a tenant's, what it took is put down once the answer has been sent.
fn metered(
    response: HttpResponse<BoxBody>,
    trace: &Trace,
    database: Option<web::Data<Database>>,
) -> HttpResponse<BoxBody> {
    let (Some(tenant), Some(database)) = (trace.tenant(), database) else { return response };
    let account = Account {
        tenant,
        status: response.status(),
        received: trace.received(),
        is_sent: trace.method != Method::HEAD,
        permit: trace.take_permit(),
    };
    response.map_body(|_, body| BoxBody::new(Metered::new(body, account, database.usage().clone())))
}

fn insert_if_absent(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    if !headers.contains_key(&name) {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// What to tell the client, if the answer is a refusal: in our words where the error is ours, else by its status alone.
fn problem(response: &HttpResponse, failure: Option<&actix_web::Error>, request_id: &str) -> Option<Problem> {
    let status = response.status();
    match failure.or(response.error()) {
        Some(error) => match error.as_error::<Error>() {
            Some(ours) => {
                log_cause(ours, request_id);
                Some(Problem::new(ours, request_id))
            }
            None => Some(foreign(status, &error.to_string(), request_id)),
        },
        None if status.as_u16() >= 400 && !says_json(response) => Some(foreign(status, "", request_id)),
        None => None,
    }
}

/// A refusal that a library made: its text may hold what clients must not see, so it goes to the log at most.
fn foreign(status: StatusCode, text: &str, request_id: &str) -> Problem {
    let error = match status {
        StatusCode::NOT_FOUND => Error::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Error::MethodNotAllowed { allow: String::new() },
        StatusCode::NOT_ACCEPTABLE => Error::NotAcceptable,
        StatusCode::PAYLOAD_TOO_LARGE => Error::PayloadTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Error::UnsupportedMediaType { takes: "application/json" },
        status if status.is_client_error() => Error::malformed("The request cannot be understood."),
        _ => Error::internal(text.to_owned()),
    };
    log_cause(&error, request_id);
    Problem::new(&error, request_id)
}

/// Liveness and the like answer in JSON of their own.
fn says_json(response: &HttpResponse) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.contains("json"))
}

fn rendered(response: HttpResponse, problem: &Problem) -> HttpResponse {
    let mut response = response.set_body(BoxBody::new(problem.to_json()));
    if let Ok(status) = StatusCode::from_u16(problem.status) {
        *response.status_mut() = status;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.remove(header::CONTENT_ENCODING);
    response
}

/// The one place where what a client must not see is written down.
fn log_cause(error: &Error, request_id: &str) {
    match error {
        Error::Internal(cause) => tracing::error!(request_id, error = chain(cause.as_ref()), "request failed"),
        Error::Unavailable { source: Some(cause), .. } => {
            tracing::warn!(request_id, error = chain(cause.as_ref()), "request not served");
        }
        _ => {}
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn log(trace: &Trace, status: StatusCode, started: Instant) {
    tracing::info!(
        target: "tenantry::access",
        method = trace.method.as_str(),
        route = trace.route(),
        status = status.as_u16(),
        duration_ms = started.elapsed().as_secs_f64() * 1000.0,
        request_id = trace.id,
        tenant = trace.tenant().map(tracing::field::display),
        "request"
    );
}

#[cfg(test)]
mod tests;
