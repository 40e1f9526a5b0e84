//! Which routes there are, by path and method.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::dev::ResourceDef;
use actix_web::http::Method;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem};

/// Every path that is served, with its methods: made from the OpenAPI document. Belongs in the application's data.
pub struct RouteTable(Vec<Route>);

struct Route {
    path: ResourceDef,
    operations: BTreeMap<&'static str, RouteOperation>,
}

/// What a route does with one method.
#[derive(Debug)]
pub struct RouteOperation {
    /// The route's pattern: `/v1/users/{id}`.
    pub route: String,
    /// Its name in the OpenAPI document: `user_get`.
    pub id: String,
}

impl RouteOperation {
    /// Whether it hands out everything that a tenant has, although it is asked for like something that is only looked at.
    pub fn is_export(&self) -> bool {
        self.id == "tenant_export"
    }
}

impl RouteTable {
    /// Reads the routes from the document that describes them.
    pub fn new(document: &OpenApi) -> Self {
        let route = |(path, item): (&String, &PathItem)| Route {
            path: ResourceDef::new(path.as_str()),
            operations: operations_of(path, item),
        };
        Self(document.paths.paths.iter().map(route).collect())
    }

    /// What is done with this method at this path.
    pub fn operation(&self, method: &Method, path: &str) -> Option<&RouteOperation> {
        self.at(path).find_map(|route| route.operations.get(method.as_str()))
    }

    fn at(&self, path: &str) -> impl Iterator<Item = &Route> {
        self.0.iter().filter(move |route| route.path.is_match(path))
    }

    /// The methods that a path takes; empty if nothing is served there.
    pub(super) fn methods(&self, path: &str) -> BTreeSet<&'static str> {
        self.at(path).flat_map(|route| route.operations.keys()).copied().collect()
    }
}

fn operations_of(path: &str, item: &PathItem) -> BTreeMap<&'static str, RouteOperation> {
    let operations = [
        ("GET", &item.get),
        ("HEAD", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    let described = |(method, operation): (_, &Option<Operation>)| {
        let id = operation.as_ref()?.operation_id.clone().unwrap_or_default();
        Some((method, RouteOperation { route: path.to_owned(), id }))
    };
    operations.into_iter().filter_map(described).collect()
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
