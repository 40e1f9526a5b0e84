//! The one shape of a refusal: a problem document (RFC 9457) and the codes it can carry.

use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Error;

/// The media type of every refusal.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The word by which a program tells one refusal from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// No valid token.
    Unauthenticated,
    /// The sources that name the tenant disagree, or the token is for another tenant.
    TenantMismatch,
    /// No source names a tenant.
    TenantUnidentified,
    /// No such tenant.
    TenantNotFound,
    /// The tenant is suspended.
    TenantSuspended,
    /// The tenant is being set up or upgraded.
    TenantNotReady,
    /// A write to a tenant that is being moved.
    TenantMoving,
    /// The role does not allow it.
    Forbidden,
    /// No such row, or no such route.
    NotFound,
    /// The path is known, the method is not.
    MethodNotAllowed,
    /// No encoding that the client accepts can be sent.
    NotAcceptable,
    /// A value breaks a rule; `errors` says which.
    ValidationFailed,
    /// Another row already has this value.
    Conflict,
    /// The row is not in the state that `If-Match` asks for.
    PreconditionFailed,
    /// Not JSON, not a UUID, not a cursor.
    Malformed,
    /// The body is over the limit.
    PayloadTooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// The key was used for another request before.
    IdempotencyKeyReused,
    /// The tenant has as much as it may.
    QuotaExceeded,
    /// Too many requests.
    RateLimited,
    /// Something this service needs does not answer, or is full.
    Unavailable,
    /// The answer took too long.
    Timeout,
    /// A fault of this service.
    Internal,
}

impl Code {
    /// The HTTP status that goes with the code.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::TenantUnidentified => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::TenantMismatch | Self::TenantSuspended | Self::Forbidden | Self::QuotaExceeded => {
                StatusCode::FORBIDDEN
            }
            Self::TenantNotFound | Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::Conflict => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::ValidationFailed | Self::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TenantNotReady | Self::TenantMoving | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The code as it stands in an answer.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::TenantMismatch => "tenant_mismatch",
            Self::TenantUnidentified => "tenant_unidentified",
            Self::TenantNotFound => "tenant_not_found",
            Self::TenantSuspended => "tenant_suspended",
            Self::TenantNotReady => "tenant_not_ready",
            Self::TenantMoving => "tenant_moving",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NotAcceptable => "not_acceptable",
            Self::ValidationFailed => "validation_failed",
            Self::Conflict => "conflict",
            Self::PreconditionFailed => "precondition_failed",
            Self::Malformed => "malformed",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::QuotaExceeded => "quota_exceeded",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }
}

/// Why a request was refused. It never holds SQL, a stack, a path or anything of another tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "urn:tenantry:problem:validation_failed",
    "title": "Unprocessable Entity",
    "status": 422,
    "detail": "One or more values break a rule.",
    "code": "validation_failed",
    "request_id": "0193572b-9f5a-7c3e-8a41-5d2f6b7c8d9e",
    "errors": [{"field": "email", "message": "must be an email address"}],
}))]
pub struct Problem {
    /// Names the kind of problem; ends in the code.
    #[serde(rename = "type")]
    #[schema(format = "uri")]
    pub kind: String,
    /// The status in words.
    pub title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What went wrong, for people.
    pub detail: String,
    /// What went wrong, for programs.
    pub code: Code,
    /// The answer's `X-Request-ID`: quote it when you ask for help.
    pub request_id: String,
    /// With `validation_failed`: every value that breaks a rule.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    pub errors: Vec<FieldError>,
}

/// A value that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The body's field, or the query's parameter.
    #[schema(example = "email")]
    pub field: String,
    /// The rule that it breaks.
    #[schema(example = "must be an email address")]
    pub message: String,
}

impl Problem {
    /// Puts `error` in words for the client.
    pub fn new(error: &Error, request_id: &str) -> Self {
        let code = error.code();
        let status = code.status();
        Self {
            kind: format!("urn:tenantry:problem:{}", code.as_str()),
            title: status.canonical_reason().unwrap_or("Refused"),
            status: status.as_u16(),
            detail: error.to_string(),
            code,
            request_id: request_id.to_owned(),
            errors: error.field_errors().to_vec(),
        }
    }

    /// The document's bytes.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a problem holds only text and numbers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_what_is_wrong_and_with_which_field() {
        let error = Error::invalid("email", "must be an email address");
        let json: serde_json::Value = serde_json::from_str(&Problem::new(&error, "r-1").to_json()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "urn:tenantry:problem:validation_failed",
                "title": "Unprocessable Entity",
                "status": 422,
                "detail": "One or more values break a rule.",
                "code": "validation_failed",
                "request_id": "r-1",
                "errors": [{"field": "email", "message": "must be an email address"}],
            })
        );
    }

    #[test]
    fn a_fault_of_ours_says_nothing_but_its_request_id() {
        let error = Error::internal(std::io::Error::other("SELECT secret FROM users"));
        let problem = Problem::new(&error, "r-2");
        assert_eq!((problem.status, problem.code), (500, Code::Internal));
        assert!(!problem.to_json().contains("secret"));
        assert!(problem.errors.is_empty());
    }

    #[test]
    fn the_code_reads_the_same_in_the_type_and_in_the_field() {
        let json = serde_json::to_value(Code::IdempotencyKeyReused).unwrap();
        assert_eq!(json, Code::IdempotencyKeyReused.as_str());
    }
}
