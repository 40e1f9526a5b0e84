//! The refusals that operations share: described once, referred to by every operation.
//!
//! A handler names the sets that apply to it:
//! `responses((status = 201, body = UserView), TenantErrors, BodyErrors)`.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{Content, Header, Ref, RefOr, Response, ResponseBuilder};

/// A value of the problem's `code`, and when it is given.
type Code = (&'static str, &'static str);

const MALFORMED_REQUEST: Code =
    ("malformed", "the body is not JSON, an id is not a UUID, or a cursor is not of this list");
const ROLE_FORBIDS: Code = ("forbidden", "the token's role does not allow it");
const NO_TENANT: Code = ("tenant_not_found", "there is no such tenant");
const RULE_BROKEN: Code = ("validation_failed", "fields break a rule; `errors` names each with its rule");
const NO_DATABASE: Code = ("unavailable", "the database is busy or does not answer in time");

/// A status that many operations answer with, always as a problem.
struct Refusal {
    /// Its key in the document's `components/responses`.
    name: &'static str,
    status: &'static str,
    codes: &'static [Code],
}

const fn refusal(name: &'static str, status: &'static str, codes: &'static [Code]) -> Refusal {
    Refusal { name, status, codes }
}

const MALFORMED: Refusal = refusal("Malformed", "400", &[MALFORMED_REQUEST]);
const MALFORMED_IN_TENANT: Refusal = refusal(
    "MalformedInTenant",
    "400",
    &[MALFORMED_REQUEST, ("tenant_unidentified", "nothing in the request names a tenant")],
);
const UNAUTHENTICATED: Refusal =
    refusal("Unauthenticated", "401", &[("unauthenticated", "no token, or not a valid one")]);
const FORBIDDEN: Refusal = refusal("Forbidden", "403", &[ROLE_FORBIDS]);
const FORBIDDEN_IN_TENANT: Refusal = refusal(
    "ForbiddenInTenant",
    "403",
    &[
        ("tenant_mismatch", "the token, the host, the header, the path and the body do not all name one tenant"),
        ("tenant_suspended", "the tenant is suspended"),
        ROLE_FORBIDS,
    ],
);
const TENANT_NOT_FOUND: Refusal = refusal("TenantNotFound", "404", &[NO_TENANT]);
const NOT_FOUND_IN_TENANT: Refusal =
    refusal("NotFoundInTenant", "404", &[NO_TENANT, ("not_found", "the tenant has no such row")]);
const CONFLICT: Refusal = refusal(
    "Conflict",
    "409",
    &[("conflict", "another row has this value already, or the state of this one does not allow it")],
);
const PRECONDITION_FAILED: Refusal = refusal(
    "PreconditionFailed",
    "412",
    &[("precondition_failed", "the row is no longer the version that `If-Match` names")],
);
const PAYLOAD_TOO_LARGE: Refusal =
    refusal("PayloadTooLarge", "413", &[("payload_too_large", "the body is over the size limit")]);
const UNSUPPORTED_MEDIA_TYPE: Refusal =
    refusal("UnsupportedMediaType", "415", &[("unsupported_media_type", "the body is not `application/json`")]);
const INVALID: Refusal = refusal("Invalid", "422", &[RULE_BROKEN]);
const INVALID_OR_KEY_REUSED: Refusal = refusal(
    "InvalidOrKeyReused",
    "422",
    &[RULE_BROKEN, ("idempotency_key_reused", "this `Idempotency-Key` came before, with another body")],
);
const INTERNAL: Refusal = refusal("Internal", "500", &[("internal", "a fault of ours, logged under the `request_id`")]);
const UNAVAILABLE: Refusal = refusal("Unavailable", "503", &[NO_DATABASE]);
const UNAVAILABLE_IN_TENANT: Refusal =
    refusal("UnavailableInTenant", "503", &[("tenant_not_ready", "the tenant is being made or upgraded"), NO_DATABASE]);
const TIMEOUT: Refusal = refusal("Timeout", "504", &[("timeout", "it took too long")]);

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
        INTERNAL UNAVAILABLE_IN_TENANT TIMEOUT;
    /// What every operation under `/admin/v1` may refuse with.
    AdminErrors: MALFORMED UNAUTHENTICATED FORBIDDEN INTERNAL UNAVAILABLE TIMEOUT;
    /// An admin operation on `{tenant}`, beside [`AdminErrors`].
    AdminTenantErrors: TENANT_NOT_FOUND;
    /// An operation whose query has parameters with rules, such as a list's.
    QueryErrors: INVALID;
    /// An operation that takes a JSON body.
    BodyErrors: PAYLOAD_TOO_LARGE UNSUPPORTED_MEDIA_TYPE INVALID;
    /// An operation that takes an `Idempotency-Key`; name it after [`BodyErrors`].
    IdempotencyErrors: CONFLICT INVALID_OR_KEY_REUSED;
    /// An operation that a unique value or a state can forbid.
    ConflictErrors: CONFLICT;
    /// An operation that takes `If-Match`.
    PreconditionErrors: PRECONDITION_FAILED;
}

impl Refusal {
    fn reference(&self) -> (String, RefOr<Response>) {
        (self.status.to_owned(), Ref::from_response_name(self.name).into())
    }

    fn component(&self) -> (String, RefOr<Response>) {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        let response =
            ResponseBuilder::new().description(self.description()).content("application/problem+json", content);
        let response = match self.status {
            "401" => response.header("WWW-Authenticate", described("The scheme that is expected: `Bearer`.")),
            "503" => response.header("Retry-After", described("Seconds to wait before the next try.")),
            _ => response,
        };
        (self.name.to_owned(), response.build().into())
    }

    fn description(&self) -> String {
        let lines: Vec<String> = self.codes.iter().map(|(code, when)| format!("`{code}`: {when}.")).collect();
        lines.join("\n\n")
    }
}

fn described(what: &str) -> Header {
    HeaderBuilder::new().description(Some(what)).build()
}
