//! The request headers that operations share.
//!
//! A handler names those it reads: `params(UserPath, IfMatch)`.

use utoipa::IntoParams;

/// The header of writes that must not overwrite what the caller has not seen.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
pub struct IfMatch {
    /// The `ETag` of the version to change: a row that has changed since answers 412.
    #[param(rename = "If-Match", example = "\"3-0193572b-9f5a-7c3e-8a41-5d2f6b7c8d9e\"")]
    if_match: Option<String>,
}

/// The header of reads that need no answer when nothing has changed.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
pub struct IfNoneMatch {
    /// The `ETag` of the version at hand: a row that has not changed answers 304.
    #[param(rename = "If-None-Match", example = "\"3-0193572b-9f5a-7c3e-8a41-5d2f6b7c8d9e\"")]
    if_none_match: Option<String>,
}

/// The header that makes repeating a `POST` safe.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
pub struct IdempotencyKey {
    /// A key of the caller's choice: the same key and body again gives the first answer and
    /// creates nothing.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$",
        example = "2f1c7d9e-create-alice"
    )]
    idempotency_key: Option<String>,
}
