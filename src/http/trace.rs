//! What is known about one request, for its answer and for the log.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::http::{Method, Uri};
use actix_web::{HttpMessage, HttpRequest};
use uuid::Uuid;

use crate::limits::Permit;

/// The header that names a request, in both directions.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id that is taken from a client.
const LONGEST_ID: usize = 128;

/// Shared between the outermost middleware, which may lose sight of the request, and whoever learns more about it.
pub(super) struct Trace {
    pub(super) id: String,
    pub(super) method: Method,
    /// As it was sent: without a tenant's name taken off its path.
    uri: Uri,
    tenant: Cell<Option<Uuid>>,
    route: OnceCell<Rc<str>>,
    permit: RefCell<Option<Permit>>,
    /// Bytes of the body that were taken in.
    received: Cell<u64>,
}

impl Trace {
    /// Begins the trace of a request and leaves it where [`note_tenant`] finds it.
    pub(super) fn begin(request: &ServiceRequest) -> Rc<Self> {
        let trace = Rc::new(Self {
            id: id_of(request.headers()),
            method: request.method().clone(),
            uri: request.uri().clone(),
            tenant: Cell::new(None),
            route: OnceCell::new(),
            permit: RefCell::new(None),
            received: Cell::new(0),
        });
        request.extensions_mut().insert(Rc::clone(&trace));
        trace
    }

    /// The tenant that the request is for, if its token is good for one.
    pub(super) fn tenant(&self) -> Option<Uuid> {
        self.tenant.get()
    }

    /// The pattern of the route that answered: never the path itself, which holds ids.
    pub(super) fn route(&self) -> &str {
        self.route.get().map_or("-", |route| route)
    }

    /// How many bytes of the body were taken in.
    pub(super) fn received(&self) -> u64 {
        self.received.get()
    }

    /// What the request holds while it is under way; from now on the caller holds it.
    pub(super) fn take_permit(&self) -> Option<Permit> {
        self.permit.take()
    }

    /// Keeps the route's pattern, which is looked for once: that takes as long as to route the request.
    pub(super) fn note_route(&self, request: &HttpRequest) -> Option<Rc<str>> {
        if self.route.get().is_none()
            && let Some(pattern) = request.match_pattern()
        {
            // There is none yet.
            let _ = self.route.set(pattern.into());
        }
        self.route.get().cloned()
    }
}

/// The path that the client sent, which routing may have shortened.
pub(super) fn sent_path(request: &HttpRequest) -> String {
    let extensions = request.extensions();
    let sent = extensions.get::<Rc<Trace>>().map(|trace| trace.uri.path());
    sent.unwrap_or(request.path()).to_owned()
}

/// What names the request: in its answer, in the log and in the audit log.
pub fn request_id(request: &HttpRequest) -> String {
    request.extensions().get::<Rc<Trace>>().map(|trace| trace.id.clone()).unwrap_or_default()
}

/// The pattern of the route that the request is for, if there is one.
pub fn route(request: &HttpRequest) -> Option<Rc<str>> {
    match request.extensions().get::<Rc<Trace>>() {
        Some(trace) => trace.note_route(request),
        None => request.match_pattern().map(Rc::from),
    }
}

/// Keeps the permit until the request is answered, or given up.
pub fn hold(request: &HttpRequest, permit: Option<Permit>) {
    if let Some(trace) = request.extensions().get::<Rc<Trace>>() {
        trace.permit.replace(permit);
    }
}

/// Notes how large a body was that was taken in.
pub(super) fn note_received(request: &HttpRequest, bytes: usize) {
    if let Some(trace) = request.extensions().get::<Rc<Trace>>() {
        trace.received.set(bytes as u64);
    }
}

/// Says which tenant a request is for: for the log, and for the account of what tenants use.
pub fn note_tenant(request: &HttpRequest, tenant: Uuid) {
    if let Some(trace) = request.extensions().get::<Rc<Trace>>() {
        trace.tenant.set(Some(tenant));
    }
    tracing::Span::current().record("tenant", tracing::field::display(tenant));
}

fn id_of(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).map(|value| value.as_bytes()).filter(|id| is_acceptable(id));
    match given.and_then(|id| std::str::from_utf8(id).ok()) {
        Some(id) => id.to_owned(),
        None => Uuid::now_v7().to_string(),
    }
}

/// Visible ASCII only: nothing that could forge a line of the log.
fn is_acceptable(id: &[u8]) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_taken_only_when_it_is_harmless() {
        let long = "x".repeat(129);
        for (given, taken) in [("abc-1", true), ("a b", false), ("", false), ("\u{fc}", false), (&long, false)] {
            assert_eq!(is_acceptable(given.as_bytes()), taken, "{given:?}");
        }
    }
}
