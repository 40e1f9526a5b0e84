//! `/t/{tenant}/v1/...` serves the same routes as `/v1/...`: the prefix is taken off before routing and remembered.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest};

const PREFIX: &str = "/t/";

/// The tenant that the path named, as it was written there.
struct PathTenant(String);

/// Takes `/t/{tenant}` off a path under it. Wrap it around the routes.
pub async fn strip_tenant(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if let Some((tenant, uri)) = split(request.uri()) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
        request.extensions_mut().insert(PathTenant(tenant));
    }
    next.call(request).await
}

/// The tenant that the path named.
pub(super) fn named(request: &HttpRequest) -> Option<String> {
    request.extensions().get::<PathTenant>().map(|tenant| tenant.0.clone())
}

/// The tenant and what is left of the address. Only the tenants' own routes are served below the prefix.
fn split(uri: &Uri) -> Option<(String, Uri)> {
    let target = uri.path_and_query()?.as_str();
    let (tenant, rest) = target.strip_prefix(PREFIX)?.split_once('/')?;
    if tenant.is_empty() || !rest.starts_with("v1/") {
        return None;
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("/{rest}")).ok()?);
    Some((tenant.to_owned(), Uri::from_parts(parts).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tenants_routes_are_below_the_prefix() {
        let split = |text: &str| split(&text.parse().unwrap()).map(|(tenant, uri)| (tenant, uri.to_string()));
        let expected = Some(("acme".to_owned(), "/v1/users?limit=1".to_owned()));
        assert_eq!(split("/t/acme/v1/users?limit=1"), expected);
        for other in
            ["/v1/users", "/t/acme", "/t/acme/", "/t//v1/users", "/t/acme/admin/v1/tenants", "/t/acme/t/b/v1/x"]
        {
            assert_eq!(split(other), None, "{other}");
        }
    }
}
