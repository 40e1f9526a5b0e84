use std::time::Duration;

use proptest::prelude::*;

use super::{Config, Environment, LogFormat, Resolver};

fn config(pairs: &[(&str, &str)]) -> Result<Config, String> {
    let find = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Config::from_lookup(&find).map_err(|error| error.to_string())
}

fn refusal(variable: &str, value: &str) -> String {
    match config(&[(variable, value)]) {
        Ok(config) => panic!("{variable}={value:?} was taken: {config:?}"),
        Err(message) => message,
    }
}

#[test]
fn nothing_set_gives_the_documented_defaults() {
    let config = config(&[]).unwrap();
    assert_eq!(config.server.bind_addr.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.request_timeout, Duration::from_secs(30));
    assert_eq!(config.server.shutdown_grace, Duration::from_secs(20));
    assert_eq!(config.server.body_limit, 2 * 1024 * 1024);
    assert!(config.server.cors_origins.is_empty());
    assert!(config.auth.secret.is_none());
    assert!(config.tenancy.base_domain.is_none());
    for resolver in [Resolver::Token, Resolver::Subdomain, Resolver::Header, Resolver::Path] {
        assert!(config.tenancy.resolvers.contains(resolver));
    }
    assert_eq!(config.log.format, LogFormat::Pretty);
    assert_eq!(config.log.filter, "info");
    assert_eq!((config.limits.requests_per_second, config.limits.concurrent_requests), (None, None));
    assert_eq!(config.usage.retention, Duration::from_secs(90 * 86_400));
    assert_eq!(config.usage.metrics_tenants, 20);
}

#[test]
fn an_empty_value_is_as_good_as_none() {
    let config =
        config(&[("BIND_ADDR", ""), ("JWT_SECRET", ""), ("JWT_ISSUER", " "), ("CORS_ORIGINS", ""), ("REDIS_URL", "")])
            .unwrap();
    assert_eq!(config.server.bind_addr.port(), 8080);
    assert!(config.auth.secret.is_none());
    assert!(config.auth.issuer.is_none());
}

#[test]
fn values_are_read_in_their_documented_forms() {
    let config = config(&[
        ("BIND_ADDR", "[::]:0"),
        ("REQUEST_TIMEOUT", "1m 30s"),
        ("SHUTDOWN_GRACE", "0s"),
        ("BODY_LIMIT", "512 KiB"),
        ("CORS_ORIGINS", "https://App.example.com, http://localhost:3000"),
        ("TENANT_RESOLVERS", "header, token"),
        ("BASE_DOMAIN", "Example.COM"),
        ("RESERVED_SLUGS", "Blog,status"),
        ("RATE_LIMIT", "50"),
        ("CONCURRENCY_LIMIT", "8"),
        ("USAGE_RETENTION", "1year"),
        ("METRICS_TENANTS", "0"),
        ("LOG_FORMAT", "json"),
        ("RUST_LOG", "warn,tenantry=debug"),
    ])
    .unwrap();
    assert_eq!(config.server.request_timeout, Duration::from_secs(90));
    assert_eq!(config.server.shutdown_grace, Duration::ZERO);
    assert_eq!(config.server.body_limit, 512 * 1024);
    assert_eq!(config.server.cors_origins, ["https://app.example.com", "http://localhost:3000"]);
    assert!(config.tenancy.resolvers.contains(Resolver::Header));
    assert!(!config.tenancy.resolvers.contains(Resolver::Path));
    assert_eq!(config.tenancy.base_domain.as_deref(), Some("example.com"));
    assert_eq!((config.limits.requests_per_second, config.limits.concurrent_requests), (Some(50), Some(8)));
    assert!(config.usage.retention > Duration::from_secs(365 * 86_400));
    assert_eq!(config.usage.metrics_tenants, 0);
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn reserved_slugs_are_added_to_the_built_in_ones() {
    let config = config(&[("RESERVED_SLUGS", "blog")]).unwrap();
    for slug in ["blog", "www", "api", "app", "admin", "staging", "static", "docs"] {
        assert!(config.tenancy.reserved_slugs.contains(slug), "{slug}");
    }
}

#[test]
fn a_wrong_value_is_one_line_with_the_variable_the_value_and_what_it_takes() {
    let wrong = [
        ("BIND_ADDR", "8080"),
        ("BIND_ADDR", "127.0.0.1:99999"),
        ("REQUEST_TIMEOUT", "30"),
        ("REQUEST_TIMEOUT", "0s"),
        ("REQUEST_TIMEOUT", "2h"),
        ("SHUTDOWN_GRACE", "soon"),
        ("BODY_LIMIT", "2 bananas"),
        ("BODY_LIMIT", "0"),
        ("BODY_LIMIT", "99999999999999999999GiB"),
        ("BODY_LIMIT", "MiB"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://app.example.com/"),
        ("CORS_ORIGINS", "https://app.example.com/page"),
        ("CORS_ORIGINS", "https://user@example.com"),
        ("CORS_ORIGINS", "ftp://example.com"),
        ("CORS_ORIGINS", "https://a.example.com,"),
        ("TENANT_RESOLVERS", "token,cookie"),
        ("TENANT_RESOLVERS", ","),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example.com"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://name:word@localhost:4318"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "localhost"),
        ("TRUSTED_PROXIES", "10.0.0.1,"),
        ("BASE_DOMAIN", "https://example.com"),
        ("BASE_DOMAIN", ".example.com"),
        ("BASE_DOMAIN", "example.com:8080"),
        ("RESERVED_SLUGS", "a_b"),
        ("RESERVED_SLUGS", "blog\nroot"),
        ("RATE_LIMIT", "0"),
        ("RATE_LIMIT", "1.5"),
        ("CONCURRENCY_LIMIT", "-1"),
        ("USAGE_RETENTION", "1h"),
        ("METRICS_TENANTS", "many"),
        ("LOG_FORMAT", "xml"),
        ("RUST_LOG", "tenantry=loud"),
    ];
    for (variable, value) in wrong {
        let message = refusal(variable, value);
        assert!(message.starts_with(&format!("{variable}={value:?}: it takes ")), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn a_short_secret_is_refused_without_being_repeated() {
    let message = refusal("JWT_SECRET", "hunter2-hunter2-hunter2-hunter2");
    assert_eq!(message, "JWT_SECRET: it takes at least 32 bytes, not 31");
}

#[test]
fn a_secret_does_not_print() {
    let secret = "0123456789abcdef0123456789abcdef";
    let config = config(&[("JWT_SECRET", secret)]).unwrap();
    assert!(!format!("{config:?}").contains(secret));
    assert_eq!(config.auth.secret.unwrap().expose(), secret);
}

#[test]
fn a_wrong_database_setting_names_its_variable() {
    let message = refusal("DATABASE_URL", "mysql://root:pass-word@localhost/x");
    assert!(message.starts_with("DATABASE_URL"), "{message}");
    assert!(!message.contains("pass-word"), "{message}");
    let message = refusal("REDIS_URL", "localhost:pass-word@6379");
    assert!(message.starts_with("REDIS_URL takes redis://"), "{message}");
    assert!(!message.contains("pass-word"), "{message}");
}

mod env_file {
    use super::*;

    fn load(text: &str) -> Result<Environment, String> {
        let path = std::env::temp_dir().join(format!("tenantry-env-{}", uuid::Uuid::now_v7()));
        std::fs::write(&path, text).unwrap();
        let environment = Environment::with_file(&path).map_err(|error| error.to_string());
        std::fs::remove_file(&path).unwrap();
        environment
    }

    #[test]
    fn stands_behind_the_environment() {
        let environment = load("\u{feff}# ours\nPATH=/nowhere\nTENANTRY_TEST='a b'\n").unwrap();
        assert_eq!(environment.get("TENANTRY_TEST").unwrap().as_deref(), Some("a b"));
        assert_ne!(environment.get("PATH").unwrap().as_deref(), Some("/nowhere"));
    }

    #[test]
    fn may_be_missing() {
        assert!(Environment::with_file(std::path::Path::new("/nowhere/.env")).is_ok());
    }

    #[test]
    fn a_bad_line_is_found_and_not_repeated() {
        let message = load("BIND_ADDR=[::]:0\n\nJWT_SECRET=one two\n").unwrap_err();
        assert!(message.starts_with(".env: the line after BIND_ADDR is not"), "{message}");
        assert!(!message.contains("two"), "{message}");
    }
}

proptest! {
    /// Any text in any variable is taken, or refused in one line that names the variable and shows no secret.
    #[test]
    fn any_value_is_taken_or_refused_in_a_line(variable in proptest::sample::select(VARIABLES), value in "\\PC{0,60}") {
        if let Err(message) = config(&[(variable, &value)]) {
            prop_assert!(message.contains(variable), "{}", message);
            prop_assert_eq!(message.lines().count(), 1, "{}", message);
        }
    }
}

const VARIABLES: &[&str] = &[
    "DATABASE_URL",
    "CONNECTION_BUDGET",
    "POOL_MAX",
    "STATEMENT_TIMEOUT",
    "SLOW_STATEMENT",
    "BIND_ADDR",
    "REQUEST_TIMEOUT",
    "BODY_LIMIT",
    "CORS_ORIGINS",
    "JWT_SECRET",
    "TENANT_RESOLVERS",
    "BASE_DOMAIN",
    "RESERVED_SLUGS",
    "TRUSTED_PROXIES",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "LOG_FORMAT",
    "RUST_LOG",
];
