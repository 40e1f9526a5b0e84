//! Tokens, good and bad.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// The application's `JWT_SECRET` in every test.
pub(crate) const SECRET: &str = "a secret of the tests, and 32 bytes long at least";

/// A time this many seconds from now, as claims have it.
pub(crate) fn in_seconds(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    now.as_secs() as i64 + seconds
}

/// A token for a tenant, by its slug or id.
pub(crate) fn member(tenant: &str, role: &str, subject: &str) -> String {
    signed(&json!({ "sub": subject, "tenant": tenant, "role": role, "exp": in_seconds(600) }))
}

/// An operator's token.
pub(crate) fn platform() -> String {
    signed(&json!({ "sub": "operator", "role": "platform_admin", "exp": in_seconds(600) }))
}

/// Any claims, signed as the application expects it.
pub(crate) fn signed(claims: &Value) -> String {
    signed_with(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SECRET.as_bytes()))
}

/// Any claims, signed in any way.
pub(crate) fn signed_with(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    encode(header, claims, key).expect("claims that can be signed")
}

/// Any three parts: what no library would sign.
pub(crate) fn assembled(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

/// The token with other claims below the same signature.
pub(crate) fn altered(token: &str, claims: &Value) -> String {
    let mut parts = token.split('.');
    let (header, _, signature) = (parts.next(), parts.next(), parts.next());
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{}.{claims}.{}", header.expect("a header"), signature.expect("a signature"))
}
