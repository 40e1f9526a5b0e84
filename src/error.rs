//! The one error type of the application.
//!
//! A variant's text is what the client reads, so it must be safe to show. What is not, stays in the
//! variant's source: it is logged once, where the answer is written, and never leaves the process.

use std::error::Error as StdError;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};

pub use crate::http::problem::{Code, FieldError};

/// Seconds after which a client may try again when every connection is taken.
const BUSY_RETRY: u32 = 1;
/// Seconds after which a client may try again when the database is away or a tenant not ready.
const AWAY_RETRY: u32 = 5;

type Source = Box<dyn StdError + Send + Sync>;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No token (`None`), or what is wrong with the one that was sent.
    #[error("{}", .0.as_deref().unwrap_or("A bearer token is required."))]
    Unauthenticated(Option<String>),
    /// The request's sources do not all name the tenant that the token is for.
    #[error("The request names another tenant than the token is for, or more than one.")]
    TenantMismatch,
    /// Nothing in the request names a tenant.
    #[error("The request names no tenant.")]
    TenantUnidentified,
    /// No such tenant, or a deleted one.
    #[error("There is no such tenant.")]
    TenantNotFound,
    /// A suspended tenant.
    #[error("The tenant is suspended.")]
    TenantSuspended,
    /// A tenant that is being set up, or whose tables are too old.
    #[error("The tenant is not ready yet. Try again shortly.")]
    TenantNotReady,
    /// A write to a tenant that is being moved from one place to another.
    #[error("The tenant is being moved: its writes are held for a moment. Try again shortly.")]
    TenantMoving,
    /// The role does not allow it.
    #[error("Your role does not allow this.")]
    Forbidden,
    /// No such row, another tenant's row, or no such route: the same answer.
    #[error("There is nothing here.")]
    NotFound,
    /// A known path with a method that it does not take; `allow` lists those it does.
    #[error("This path does not take this method.")]
    MethodNotAllowed {
        /// The methods, separated by commas.
        allow: String,
    },
    /// The client accepts no encoding that can be sent.
    #[error("No content encoding that you accept can be sent.")]
    NotAcceptable,
    /// Values that break rules.
    #[error("One or more values break a rule.")]
    Validation(Vec<FieldError>),
    /// Another row has the value already; the text says which value.
    #[error("{detail}")]
    Conflict {
        /// Names the field, never the other row.
        detail: String,
    },
    /// `If-Match` asks for a version that is not the newest.
    #[error("The row has changed since you read it.")]
    PreconditionFailed,
    /// Something that cannot be read at all; the text says what.
    #[error("{0}")]
    Malformed(String),
    /// A body over the limit.
    #[error("The body is larger than allowed.")]
    PayloadTooLarge,
    /// A body that by its own account is of another kind.
    #[error("Send the body as {takes}, uncompressed.")]
    UnsupportedMediaType {
        /// The media type that is taken.
        takes: &'static str,
    },
    /// An idempotency key that was used for another request.
    #[error("This idempotency key was used for another request before.")]
    IdempotencyKeyReused,
    /// The tenant has as much as it may.
    #[error("The tenant has as much as it may: its limit of {0} is reached.")]
    QuotaExceeded(&'static str),
    /// Too many requests.
    #[error("Too many requests.")]
    RateLimited {
        /// Seconds to wait.
        retry_after: u32,
    },
    /// Something this service needs is away or full.
    #[error("The service cannot answer right now. Try again shortly.")]
    Unavailable {
        /// Seconds to wait.
        retry_after: u32,
        /// What is away, for the log.
        source: Option<Source>,
    },
    /// The answer took too long.
    #[error("The answer took too long.")]
    Timeout,
    /// A fault of ours: the source goes to the log, never to the client.
    #[error("Something went wrong on our side. Quote the request id when you ask for help.")]
    Internal(#[source] Source),
}

impl Error {
    /// A fault of ours with its cause.
    pub fn internal(cause: impl Into<Source>) -> Self {
        Self::Internal(cause.into())
    }

    /// One value that breaks a rule.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Validation(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// Something that cannot be read; `detail` is shown to the client.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::Malformed(detail.into())
    }

    /// What programs tell it by.
    pub fn code(&self) -> Code {
        match self {
            Self::Unauthenticated(_) => Code::Unauthenticated,
            Self::TenantMismatch => Code::TenantMismatch,
            Self::TenantUnidentified => Code::TenantUnidentified,
            Self::TenantNotFound => Code::TenantNotFound,
            Self::TenantSuspended => Code::TenantSuspended,
            Self::TenantNotReady => Code::TenantNotReady,
            Self::TenantMoving => Code::TenantMoving,
            Self::Forbidden => Code::Forbidden,
            Self::NotFound => Code::NotFound,
            Self::MethodNotAllowed { .. } => Code::MethodNotAllowed,
            Self::NotAcceptable => Code::NotAcceptable,
            Self::Validation(_) => Code::ValidationFailed,
            Self::Conflict { .. } => Code::Conflict,
            Self::PreconditionFailed => Code::PreconditionFailed,
            Self::Malformed(_) => Code::Malformed,
            Self::PayloadTooLarge => Code::PayloadTooLarge,
            Self::UnsupportedMediaType { .. } => Code::UnsupportedMediaType,
            Self::IdempotencyKeyReused => Code::IdempotencyKeyReused,
            Self::QuotaExceeded(_) => Code::QuotaExceeded,
            Self::RateLimited { .. } => Code::RateLimited,
            Self::Unavailable { .. } => Code::Unavailable,
            Self::Timeout => Code::Timeout,
            Self::Internal(_) => Code::Internal,
        }
    }

    /// The values that break rules; empty unless that is what is wrong.
    pub fn field_errors(&self) -> &[FieldError] {
        match self {
            Self::Validation(errors) => errors,
            _ => &[],
        }
    }

    /// Seconds after which the same request may succeed, where that is known.
    fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TenantNotReady => Some(AWAY_RETRY),
            Self::TenantMoving => Some(BUSY_RETRY),
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }

    /// RFC 6750: a token that was sent and is wrong is named as such; none at all is only asked for.
    fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::Unauthenticated(None) => Some(r#"Bearer realm="tenantry""#),
            Self::Unauthenticated(Some(_)) => Some(r#"Bearer realm="tenantry", error="invalid_token""#),
            _ => None,
        }
    }
}

/// Status and headers only: the body needs the request id, so the outermost middleware writes it.
impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.code().status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status_code());
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if let Some(challenge) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Self::MethodNotAllowed { allow } = self
            && let Ok(methods) = HeaderValue::from_str(allow)
        {
            headers.insert(ALLOW, methods);
        }
        response
    }
}

impl From<entity::Error> for Error {
    fn from(error: entity::Error) -> Self {
        match error {
            entity::Error::ForeignTenant => Self::TenantMismatch,
            entity::Error::Conflict { field } => Self::Conflict { detail: taken(field) },
            entity::Error::MissingReference { field } => Self::invalid(field, "names nothing that exists"),
            entity::Error::BadCursor => Self::malformed("The cursor is not one of this list's."),
            entity::Error::Timeout => Self::Timeout,
            entity::Error::QuotaExceeded { what } => Self::QuotaExceeded(what),
            entity::Error::Moving => Self::TenantMoving,
            entity::Error::Unplaceable { field, why } => Self::invalid(field, why),
            entity::Error::BadImport { line, why } => Self::invalid(format!("line {line}"), why),
            entity::Error::NotPossible(why) => Self::Conflict { detail: sentence(&why) },
            entity::Error::Busy => Self::Unavailable { retry_after: BUSY_RETRY, source: Some(error.into()) },
            entity::Error::Unavailable(_) | entity::Error::NoPlace(_) => {
                Self::Unavailable { retry_after: AWAY_RETRY, source: Some(error.into()) }
            }
            entity::Error::NoTable(_) | entity::Error::Internal(_) => Self::internal(error),
        }
    }
}

/// A reason as it is logged, as it is shown.
fn sentence(why: &str) -> String {
    let mut letters = why.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(['.']).collect()
}

fn taken(field: Option<&str>) -> String {
    match field {
        Some(field) => format!("This {field} is already taken."),
        None => "This exists already.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_is_named_by_its_field_only() {
        let error = Error::from(entity::Error::Conflict { field: Some("email") });
        assert_eq!(error.code(), Code::Conflict);
        assert_eq!(error.to_string(), "This email is already taken.");

        let error = Error::from(entity::Error::MissingReference { field: "user_id" });
        assert_eq!(error.field_errors()[0].field, "user_id");
    }

    #[test]
    fn the_headers_that_a_status_calls_for_are_there() {
        let header =
            |error: Error, name| error.error_response().headers().get(name).map(|v| v.to_str().unwrap().to_owned());
        assert_eq!(header(Error::from(entity::Error::Busy), RETRY_AFTER).as_deref(), Some("1"));
        assert_eq!(header(Error::TenantNotReady, RETRY_AFTER).as_deref(), Some("5"));
        let challenge = header(Error::Unauthenticated(None), WWW_AUTHENTICATE).unwrap();
        assert!(challenge.starts_with("Bearer") && !challenge.contains("invalid_token"));
        let challenge = header(Error::Unauthenticated(Some("No.".into())), WWW_AUTHENTICATE);
        assert!(challenge.unwrap().contains("invalid_token"));
        let allow = Error::MethodNotAllowed { allow: "GET, POST".to_owned() };
        assert_eq!(header(allow, ALLOW).as_deref(), Some("GET, POST"));
    }
}
