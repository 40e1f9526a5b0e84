//! A request's JSON body.

use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpMessage, HttpRequest, mime};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use uuid::Uuid;
use validator::Validate;

use super::problem::FieldError;
use super::trace::note_received;
use super::{Limits, rules};
use crate::auth::extract::Caller;
use crate::error::Error;

/// A body that has arrived, or why it could not. Reading it as a `T` is the handler's first step.
#[derive(Debug)]
pub struct JsonBody<T> {
    received: Result<Bytes, Refusal>,
    read_as: PhantomData<fn() -> T>,
}

/// Why a body was not taken in.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    NotJson,
    TooLarge,
    Broken,
}

impl<T: DeserializeOwned + Validate> JsonBody<T> {
    /// Reads a body sent to a tenant's route: like [`Self::valid`], but a `tenant_id` in it must be the caller's own
    /// (403 before anything else is said about the body).
    pub fn valid_in(&self, caller: &Caller) -> Result<T, Error> {
        let text = self.text()?;
        claims_no_other(text, caller.access().id())?;
        read(text)
    }

    /// Reads the body: 415, 413, 400 if it is not JSON, 422 with every field that is unknown, missing or breaks a rule.
    pub fn valid(&self) -> Result<T, Error> {
        read(self.text()?)
    }

    /// The body as it was sent.
    pub fn bytes(&self) -> &[u8] {
        self.received.as_deref().unwrap_or_default()
    }

    fn text(&self) -> Result<&str, Error> {
        let bytes = self.received.as_ref().map_err(|refusal| Error::from(*refusal))?;
        std::str::from_utf8(bytes).map_err(|_| not_json())
    }
}

impl<T: 'static> FromRequest for JsonBody<T> {
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Infallible>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move { Ok(Self { received: receive(&request, payload).await, read_as: PhantomData }) })
    }
}

async fn receive(request: &HttpRequest, mut payload: Payload) -> Result<Bytes, Refusal> {
    if !is_plain_json(request) {
        return Err(Refusal::NotJson);
    }
    let limit = request.app_data::<web::Data<Limits>>().map_or(0, |limits| limits.body);
    if announced_length(request).is_some_and(|length| length > limit) {
        return Err(Refusal::TooLarge);
    }
    let Ok(payload) = web::Payload::from_request(request, &mut payload).await else { return Err(Refusal::Broken) };
    match payload.to_bytes_limited(limit).await {
        Ok(Ok(bytes)) => {
            note_received(request, bytes.len());
            Ok(bytes)
        }
        Ok(Err(_)) => Err(Refusal::Broken),
        Err(_) => Err(Refusal::TooLarge),
    }
}

/// `application/json` or `application/*+json`, and not compressed.
fn is_plain_json(request: &HttpRequest) -> bool {
    let json = matches!(request.mime_type(), Ok(Some(kind)) if kind.type_() == mime::APPLICATION
        && (kind.subtype() == mime::JSON || kind.suffix() == Some(mime::JSON)));
    is_uncompressed(request) && json
}

/// Whether the body is sent as it is. Nothing is unpacked here: a small body could be a very large one.
pub fn is_uncompressed(request: &HttpRequest) -> bool {
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    encoding.is_none_or(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn announced_length(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The only part of a tenant's body that is looked at before the rest.
#[derive(Deserialize)]
struct Claim {
    tenant_id: Option<Value>,
}

/// Refuses a body that claims to be another tenant's. What is not a text at all is left to the field's own rules.
fn claims_no_other(text: &str, tenant: Uuid) -> Result<(), Error> {
    let claim = is_object(text).then(|| serde_json::from_str::<Claim>(text).ok()).flatten();
    match claim.and_then(|claim| claim.tenant_id) {
        Some(Value::String(claimed)) if super::path::uuid(&claimed) != Some(tenant) => Err(Error::TenantMismatch),
        _ => Ok(()),
    }
}

fn read<T: DeserializeOwned + Validate>(text: &str) -> Result<T, Error> {
    let body: T = fields(text).map_err(|refusal| if is_json(text) { refusal } else { not_json() })?;
    rules::obeyed_by(&body)?;
    Ok(body)
}

fn fields<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    if !is_object(text) {
        return Err(Error::invalid("body", "must be an object"));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let body = serde_path_to_error::deserialize(&mut json).map_err(refused)?;
    json.end().map_err(|_| not_json())?;
    Ok(body)
}

/// Looked at only when the body could not be read: a wrong field may stand before a fault of syntax, which comes first.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Serde would also read a list as the fields in their order.
fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

fn refused(error: serde_path_to_error::Error<serde_json::Error>) -> Error {
    let path = error.path().to_string();
    let error = error.into_inner();
    let complaint = error.to_string();
    // An enum's value that is not text counts as a fault of syntax, although the syntax is known to be right by now.
    if !error.is_data() && !complaint.starts_with("expected value") {
        return not_json();
    }
    let FieldError { field, message } = rules::broken_by(&path, &complaint);
    Error::invalid(field, message)
}

fn not_json() -> Error {
    Error::malformed("The body is not JSON.")
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotJson => Self::UnsupportedMediaType { takes: "application/json" },
            Refusal::TooLarge => Self::PayloadTooLarge,
            Refusal::Broken => Self::malformed("The body did not arrive whole."),
        }
    }
}

/// Reads a field that may be absent but not `null`: for changes, where absent means unchanged.
pub fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[validate(length(max = 3, message = "must be short"), custom(function = "rules::not_blank"))]
        name: String,
        #[serde(default, deserialize_with = "given")]
        size: Option<u32>,
        #[serde(default, deserialize_with = "given")]
        note: Option<Option<String>>,
    }

    fn body(text: &str) -> JsonBody<Sample> {
        JsonBody { received: Ok(Bytes::copy_from_slice(text.as_bytes())), read_as: PhantomData }
    }

    fn fields(text: &str) -> Vec<String> {
        let error = body(text).valid().unwrap_err();
        assert_eq!(error.code(), Code::ValidationFailed, "{text}");
        error.field_errors().iter().map(|error| error.field.clone()).collect()
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for text in ["", "{", "{\"name\":\"a\"} x", "nope", "{\"name\": \"\\ud800\"}"] {
            assert_eq!(body(text).valid().unwrap_err().code(), Code::Malformed, "{text}");
        }
    }

    #[test]
    fn a_wrong_field_is_named() {
        assert_eq!(fields(r#"{}"#), ["name"]);
        assert_eq!(fields(r#"{"name": 5}"#), ["name"]);
        assert_eq!(fields(r#"{"name": "a", "size": null}"#), ["size"]);
        assert_eq!(fields(r#"{"name": "a", "colour": "red"}"#), ["colour"]);
        assert_eq!(fields(r#"{"name": "a", "name": "b"}"#), ["name"]);
        assert_eq!(fields(r#"{"name": " "}"#), ["name"]);
        assert_eq!(fields(r#"{"name": "a\u0000"}"#), ["name"]);
        assert_eq!(fields(r#"["a", 1, null]"#), ["body"]);
        assert_eq!(fields(r#"{"name": "    "}"#), ["name", "name"]);
    }

    #[test]
    fn absent_and_null_differ() {
        assert_eq!(body(r#"{"name": "a"}"#).valid().unwrap().note, None);
        assert_eq!(body(r#"{"name": "a", "note": null}"#).valid().unwrap().note, Some(None));
        assert_eq!(body(r#"{"name": "a", "size": 2}"#).valid().unwrap().size, Some(2));
    }

    #[test]
    fn another_tenant_is_refused_whatever_the_rest() {
        let (own, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let claim = |claimed: &str| claims_no_other(&format!(r#"{{"tenant_id": {claimed}, "x": 1}}"#), own);
        assert!(claim(&format!("\"{own}\"")).is_ok());
        assert!(claim("null").is_ok());
        assert!(matches!(claim(&format!("\"{other}\"")), Err(Error::TenantMismatch)));
        assert!(matches!(claim("\"acme\""), Err(Error::TenantMismatch)));
        assert!(claims_no_other(r#"["x"]"#, own).is_ok(), "a list has no fields");
    }
}
