//! The answers that handlers give.

use actix_web::http::header::{self, EntityTag};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use uuid::Uuid;

use super::etag;
use super::trace::sent_path;
use crate::error::Error;

/// Where a row that was made through this request's path is found: the same path, so with the tenant if it names one.
pub fn location(request: &HttpRequest, id: Uuid) -> String {
    format!("{}/{id}", sent_path(request))
}

/// 200 with a row and its tag, or 304 if the client has that version already.
pub fn row(request: &HttpRequest, tag: EntityTag, view: &impl Serialize) -> HttpResponse {
    if etag::is_known(request, &tag) {
        return HttpResponse::NotModified().insert_header(header::ETag(tag)).finish();
    }
    changed(tag, view)
}

/// 200 with a row that was just changed, and its new tag.
pub fn changed(tag: EntityTag, view: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header(header::ETag(tag)).json(view)
}

/// A row that was made: what the client is told of it, now and whenever it asks again with the same idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    pub(super) location: String,
    pub(super) etag: String,
    pub(super) body: String,
}

impl Created {
    /// The answer to a request that made the row `view` shows.
    pub fn new(location: String, tag: &EntityTag, view: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_string(view).map_err(Error::internal)?;
        Ok(Self { location, etag: tag.to_string(), body })
    }
}

impl From<Created> for HttpResponse {
    fn from(created: Created) -> Self {
        Self::Created()
            .insert_header((header::LOCATION, created.location))
            .insert_header((header::ETAG, created.etag))
            .content_type(header::ContentType::json())
            .body(created.body)
    }
}
