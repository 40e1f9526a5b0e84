//! What answers when no route does: an unknown path, or a known one with another method.

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, web};

use super::RouteTable;
use crate::error::Error;

/// The application's default service: tells an unknown path from a wrong method, and answers `OPTIONS`.
pub async fn fallback(request: HttpRequest, routes: web::Data<RouteTable>) -> Result<HttpResponse, Error> {
    let methods = routes.methods(request.path());
    // A path that takes this method and still was not answered is not served in this installation.
    if methods.is_empty() || methods.contains(request.method().as_str()) {
        return Err(Error::NotFound);
    }
    let allow = methods.into_iter().collect::<Vec<_>>().join(", ");
    if request.method() == Method::OPTIONS {
        return Ok(HttpResponse::NoContent().insert_header((header::ALLOW, allow)).finish());
    }
    Err(Error::MethodNotAllowed { allow })
}
