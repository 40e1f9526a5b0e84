//! Which pages of other origins may call the API.

use actix_cors::Cors;
use actix_web::http::Method;
use actix_web::http::header;

/// Seconds for which a browser may keep the answer to a preflight.
const PREFLIGHT_MAX_AGE: usize = 3600;

/// Lets pages of these origins call the API with a token, and read the headers that it answers with.
pub fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods([Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE])
        .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_MATCH, header::IF_NONE_MATCH])
        .allowed_headers(["Idempotency-Key", "X-Tenant-ID", "X-Request-ID"])
        .expose_headers(["ETag", "Location", "Retry-After", "X-Request-ID"])
        .max_age(PREFLIGHT_MAX_AGE);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
