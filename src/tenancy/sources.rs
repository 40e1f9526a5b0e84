//! What in a request, beside its token, names a tenant.

use std::collections::BTreeSet;
use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderValue};
use entity::TenantName;

use super::path;
use crate::config::{Resolver, TenancyConfig};

const HEADER: &str = "X-Tenant-ID";

/// Every name that an enabled source gives. Reserved names name no tenant.
///
/// A custom domain is a name only if some tenant has registered it, which is for the caller to find out.
pub(crate) fn named(request: &HttpRequest, tenancy: &TenancyConfig) -> Vec<TenantName> {
    let enabled = |resolver| tenancy.resolvers.contains(resolver);
    let mut names = Vec::new();
    if enabled(Resolver::Subdomain) {
        names.extend(hosts(request).iter().filter_map(|host| from_host(host, tenancy)));
    }
    if enabled(Resolver::Header) {
        names.extend(request.headers().get_all(HEADER).filter_map(|value| from_header(value, &tenancy.reserved_slugs)));
    }
    if enabled(Resolver::Path) {
        names.extend(path::named(request).and_then(|text| from_text(&text, &tenancy.reserved_slugs)));
    }
    names
}

/// The `Host` header and, where the request line names one too, that. What a proxy forwards is not believed.
fn hosts(request: &HttpRequest) -> BTreeSet<String> {
    let header = request.headers().get_all(HOST).filter_map(|host| host.to_str().ok());
    let line = request.uri().authority().map(|authority| authority.as_str());
    header.chain(line).map(|host| without_port(host).to_ascii_lowercase()).filter(|host| !host.is_empty()).collect()
}

fn from_host(host: &str, tenancy: &TenancyConfig) -> Option<TenantName> {
    let base = tenancy.base_domain.as_deref();
    if base == Some(host) || host.parse::<IpAddr>().is_ok() || host.starts_with('[') {
        return None;
    }
    match base.and_then(|base| host.strip_suffix(base)?.strip_suffix('.')) {
        // Under the base domain a name is a tenant's or nobody's.
        Some(label) => from_text(label, &tenancy.reserved_slugs),
        None => host.contains('.').then(|| TenantName::domain(host)),
    }
}

/// A value that is not text names a tenant that does not exist.
fn from_header(value: &HeaderValue, reserved: &BTreeSet<String>) -> Option<TenantName> {
    from_text(&String::from_utf8_lossy(value.as_bytes()), reserved)
}

fn from_text(text: &str, reserved: &BTreeSet<String>) -> Option<TenantName> {
    let text = text.trim();
    (!text.is_empty() && !reserved.contains(text)).then(|| TenantName::parse(text))
}

fn without_port(host: &str) -> &str {
    let host = host.trim_end_matches('.');
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name.trim_end_matches('.'),
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;

    fn tenancy() -> TenancyConfig {
        Config::from_lookup(&|name| (name == "BASE_DOMAIN").then(|| "example.com".to_owned())).unwrap().tenancy
    }

    fn slug(text: &str) -> Option<TenantName> {
        Some(TenantName::Slug(text.to_owned()))
    }

    #[test]
    fn a_host_names_a_tenant_below_the_base_domain_or_by_its_own_domain() {
        for (host, name) in [
            ("acme.example.com", slug("acme")),
            ("acme.example.com:8080", slug("acme")),
            ("acme.example.com.", slug("acme")),
            ("a.b.example.com", slug("a.b")),
            ("www.example.com", None),
            ("example.com", None),
            ("localhost", None),
            ("localhost:8080", None),
            ("127.0.0.1:8080", None),
            ("[::1]:8080", None),
            ("blog.acme.org", Some(TenantName::domain("blog.acme.org"))),
            ("notexample.com", Some(TenantName::domain("notexample.com"))),
        ] {
            assert_eq!(from_host(without_port(host), &tenancy()), name, "{host}");
        }
    }

    #[test]
    fn a_header_names_by_slug_or_id() {
        let reserved = tenancy().reserved_slugs;
        let id = "01935b2c-6a5e-7000-8000-000000000001";
        assert_eq!(from_text(id, &reserved), Some(TenantName::Id(id.parse().unwrap())));
        assert_eq!(from_text("acme", &reserved), slug("acme"));
        assert_eq!(from_text("admin", &reserved), None);
        assert_eq!(from_text("  ", &reserved), None);
    }

    proptest! {
        /// No host breaks anything, and none below the base domain names anybody by a domain.
        #[test]
        fn any_host_names_one_tenant_at_most(host in "\\PC{0,80}|[a-z0-9.:\\[\\]-]{0,40}(\\.example\\.com)?(:[0-9]{0,6})?") {
            let bare = without_port(&host).to_ascii_lowercase();
            let name = from_host(&bare, &tenancy());
            if bare.ends_with(".example.com") {
                prop_assert!(!matches!(name, Some(TenantName::Domain(_))), "{:?}", name);
            }
            if let Some(TenantName::Slug(slug)) = name {
                prop_assert!(!tenancy().reserved_slugs.contains(&slug), "{:?}", slug);
            }
        }
    }
}
