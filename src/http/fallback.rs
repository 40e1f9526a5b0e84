//! What answers when no route does: an unknown path, or a known one with another method.

use std::collections::BTreeSet;

use actix_web::dev::ResourceDef;
use actix_web::http::Method;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa::openapi::{OpenApi, PathItem};

use crate::error::Error;

/// Every path that is served, with its methods: made from the OpenAPI document. Belongs in the application's data.
pub struct RouteTable(Vec<(ResourceDef, BTreeSet<&'static str>)>);

impl RouteTable {
    /// Reads the routes from the document that describes them.
    pub fn new(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter();
        Self(paths.map(|(path, item)| (ResourceDef::new(path.as_str()), methods_of(item))).collect())
    }

    /// The methods that a path takes; empty if nothing is served there.
    fn methods(&self, path: &str) -> BTreeSet<&'static str> {
        self.0.iter().filter(|(route, _)| route.is_match(path)).flat_map(|(_, methods)| methods).copied().collect()
    }
}

fn methods_of(item: &PathItem) -> BTreeSet<&'static str> {
    let operations = [
        ("GET", &item.get),
        ("HEAD", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    operations.into_iter().filter(|(_, operation)| operation.is_some()).map(|(method, _)| method).collect()
}

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

#[cfg(test)]
mod tests {
    use utoipa::openapi::path::OperationBuilder;
    use utoipa::openapi::{HttpMethod, InfoBuilder, PathItem, PathsBuilder};

    use super::*;

    fn table() -> RouteTable {
        let item = |method| PathItem::new(method, OperationBuilder::new().build());
        let paths = PathsBuilder::new()
            .path("/v1/users", item(HttpMethod::Get))
            .path("/v1/users", item(HttpMethod::Post))
            .path("/v1/users/{id}", item(HttpMethod::Delete))
            .path("/healthz", item(HttpMethod::Get));
        RouteTable::new(&OpenApi::new(InfoBuilder::new().build(), paths.build()))
    }

    #[test]
    fn a_path_knows_its_methods() {
        let methods = |path| table().methods(path).into_iter().collect::<Vec<_>>();
        assert_eq!(methods("/v1/users"), ["GET", "HEAD", "POST"]);
        assert_eq!(methods("/v1/users/7"), ["DELETE"]);
        assert_eq!(methods("/v1/users/7/nothing"), [""; 0]);
    }
}
