//! The refusals that operations share: described once, referred to by every operation.
//!
//! A handler names the sets that apply to it:
//! `responses((status = 201, body = UserView), TenantErrors, BodyErrors)`.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use utoipa::IntoResponses;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{Content, Header, Ref, RefOr, Response, ResponseBuilder};

use crate::http::problem::{Code, MEDIA_TYPE};

/// A code that a problem carries, and when.
type Case = (Code, &'static str);

const MALFORMED_REQUEST: Case =
    (Code::Malformed, "the body is not JSON, an id is not a UUID, or a cursor is not of this list");
const ROLE_FORBIDS: Case = (Code::Forbidden, "the token's role does not allow it");
const NO_TENANT: Case = (Code::TenantNotFound, "there is no such tenant");
const RULE_BROKEN: Case = (Code::ValidationFailed, "fields break a rule; `errors` names each with its rule");
const NO_DATABASE: Case = (Code::Unavailable, "the database is busy or does not answer in time");

/// A status that many operations answer with, always as a problem.
struct Refusal {
    /// Its key in the document's `components/responses`.
    name: &'static str,
    cases: &'static [Case],
}

const fn refusal(name: &'static str, cases: &'static [Case]) -> Refusal {
    Refusal { name, cases }
}

const MALFORMED: Refusal = refusal("Malformed", &[MALFORMED_REQUEST]);
const MALFORMED_IN_TENANT: Refusal = refusal(
    "MalformedInTenant",
    &[MALFORMED_REQUEST, (Code::TenantUnidentified, "nothing in the request names a tenant")],
);
const UNAUTHENTICATED: Refusal = refusal("Unauthenticated", &[(Code::Unauthenticated, "no token, or not a valid one")]);
const FORBIDDEN: Refusal = refusal("Forbidden", &[ROLE_FORBIDS]);
const FORBIDDEN_IN_TENANT: Refusal = refusal(
    "ForbiddenInTenant",
    &[
        (Code::TenantMismatch, "the token, the host, the header, the path and the body do not all name one tenant"),
        (Code::TenantSuspended, "the tenant is suspended"),
        (Code::QuotaExceeded, "a write that would take the tenant over its limit of users, posts or bytes"),
        ROLE_FORBIDS,
    ],
);
const TENANT_NOT_FOUND: Refusal = refusal("TenantNotFound", &[NO_TENANT]);
const NOT_FOUND: Refusal = refusal("NotFound", &[(Code::NotFound, "there is no such thing")]);
const NOT_FOUND_IN_TENANT: Refusal =
    refusal("NotFoundInTenant", &[NO_TENANT, (Code::NotFound, "the tenant has no such row")]);
const CONFLICT: Refusal = refusal(
    "Conflict",
    &[(Code::Conflict, "another row has this value already, or the state of this one does not allow it")],
);
const PRECONDITION_FAILED: Refusal = refusal(
    "PreconditionFailed",
    &[(Code::PreconditionFailed, "the row is no longer the version that `If-Match` names")],
);
const PAYLOAD_TOO_LARGE: Refusal =
    refusal("PayloadTooLarge", &[(Code::PayloadTooLarge, "the body is over the size limit")]);
const UNSUPPORTED_MEDIA_TYPE: Refusal = refusal(
    "UnsupportedMediaType",
    &[(Code::UnsupportedMediaType, "the body is of another media type, or compressed")],
);
const INVALID: Refusal = refusal("Invalid", &[RULE_BROKEN]);
const INVALID_OR_KEY_REUSED: Refusal = refusal(
    "InvalidOrKeyReused",
    &[RULE_BROKEN, (Code::IdempotencyKeyReused, "this `Idempotency-Key` came before, with another body")],
);
const INTERNAL: Refusal = refusal("Internal", &[(Code::Internal, "a fault of ours, logged under the `request_id`")]);
const UNAVAILABLE: Refusal = refusal("Unavailable", &[NO_DATABASE]);
const UNAVAILABLE_IN_TENANT: Refusal = refusal(
    "UnavailableInTenant",
    &[
        (Code::TenantNotReady, "the tenant is being made or upgraded"),
        (Code::TenantMoving, "a write while the tenant is being moved"),
        NO_DATABASE,
    ],
);
const RATE_LIMITED: Refusal =
    refusal("RateLimited", &[(Code::RateLimited, "the tenant sends too much: in a second, or at the same time")]);
const TIMEOUT: Refusal = refusal("Timeout", &[(Code::Timeout, "it took too long")]);

/// Gives each set of refusals a type that `#[utoipa::path]` takes.
macro_rules! refusal_sets {
    ($($(#[$doc:meta])* $set:ident: $($refusal:ident)*;)*) => {
        $(
            $(#[$doc])*
            pub struct $set;

            impl IntoResponses for $set {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    [$($refusal),*].iter().map(Refusal::reference).collect()
                }
            }
        )*

        /// Every refusal that a set refers to, for the document's `components/responses`.
        pub(super) fn components() -> BTreeMap<String, RefOr<Response>> {
            [$($($refusal),*),*].iter().map(Refusal::component).collect()
        }
    };
}

refusal_sets! {
    /// What every operation under `/v1` may refuse with.
    TenantErrors:
        MALFORMED_IN_TENANT UNAUTHENTICATED FORBIDDEN_IN_TENANT NOT_FOUND_IN_TENANT
        RATE_LIMITED INTERNAL UNAVAILABLE_IN_TENANT TIMEOUT;
    /// What every operation under `/admin/v1` may refuse with.
    AdminErrors: MALFORMED UNAUTHENTICATED FORBIDDEN INTERNAL UNAVAILABLE TIMEOUT;
    /// An admin operation on `{tenant}`, beside [`AdminErrors`].
    AdminTenantErrors: TENANT_NOT_FOUND;
    /// An admin operation on something else by its id, beside [`AdminErrors`].
    AdminRowErrors: NOT_FOUND;
    /// An operation whose query has parameters with rules, such as a list's.
    QueryErrors: INVALID;
    /// An operation that takes a JSON body.
    BodyErrors: PAYLOAD_TOO_LARGE UNSUPPORTED_MEDIA_TYPE INVALID;
    /// An operation that takes a body without end, line by line.
    StreamErrors: UNSUPPORTED_MEDIA_TYPE INVALID;
    /// An operation that takes an `Idempotency-Key`; name it after [`BodyErrors`].
    IdempotencyErrors: INVALID_OR_KEY_REUSED;
    /// An operation that a unique value or a state can forbid.
    ConflictErrors: CONFLICT;
    /// An operation that takes `If-Match`.
    PreconditionErrors: PRECONDITION_FAILED;
}

impl Refusal {
    fn status(&self) -> StatusCode {
        self.cases[0].0.status()
    }

    fn reference(&self) -> (String, RefOr<Response>) {
        (self.status().as_str().to_owned(), Ref::from_response_name(self.name).into())
    }

    fn component(&self) -> (String, RefOr<Response>) {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        let response = ResponseBuilder::new().description(self.description()).content(MEDIA_TYPE, content);
        let response = match self.status() {
            StatusCode::UNAUTHORIZED => {
                response.header("WWW-Authenticate", described("The scheme that is expected: `Bearer`."))
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                response.header("Retry-After", described("Seconds to wait before the next try."))
            }
            _ => response,
        };
        (self.name.to_owned(), response.build().into())
    }

    fn description(&self) -> String {
        let cases: Vec<String> =
            self.cases.iter().map(|(code, when)| format!("`{}`: {when}.", code.as_str())).collect();
        cases.join("\n\n")
    }
}

fn described(what: &str) -> Header {
    HeaderBuilder::new().description(Some(what)).build()
}
