//! Settings, read once at the start into typed sections.
//!
//! Every variable is read in this file and nowhere else (the database's own are read by the data
//! crate, so that no connection string ever passes through the application). A wrong value is one
//! line that names the variable and says what it takes.

mod environment;
mod secret;
mod setting;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use environment::Environment;
pub use secret::Secret;
pub use setting::ConfigError;
use setting::Settings;

use crate::auth::TrustedProxies;

/// Everything the program can be told from outside.
#[derive(Clone, Debug)]
pub struct Config {
    /// How requests are taken.
    pub server: ServerConfig,
    /// Which tokens are believed.
    pub auth: AuthConfig,
    /// How a request names its tenant.
    pub tenancy: TenancyConfig,
    /// What a tenant may send that has no limits of its own.
    pub limits: LimitsConfig,
    /// How long it is kept what tenants used, and of how many `/metrics` tells.
    pub usage: UsageConfig,
    /// What is logged, and how.
    pub log: LogConfig,
    /// Where traces are sent.
    pub traces: TraceConfig,
    /// Where the rows are.
    pub database: entity::DatabaseSettings,
}

/// How requests are taken.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where to listen; port 0 picks a free one.
    pub bind_addr: SocketAddr,
    /// Longest that a request may take before it is answered with 504.
    pub request_timeout: Duration,
    /// Longest that requests already taken may last once the server was told to stop.
    pub shutdown_grace: Duration,
    /// Largest body, in bytes.
    pub body_limit: usize,
    /// Origins whose pages may call the API, as browsers write them: `https://app.example.com`.
    pub cors_origins: Vec<String>,
}

/// Which tokens are believed.
#[derive(Clone, Debug, Default)]
pub struct AuthConfig {
    /// HS256 secret, at least 32 bytes; also signs tokens.
    pub secret: Option<Secret>,
    /// PEM file of an RSA, P-256 or Ed25519 public key.
    pub public_key_file: Option<PathBuf>,
    /// JSON Web Key Set.
    pub jwks_file: Option<PathBuf>,
    /// Required in `iss` when set.
    pub issuer: Option<String>,
    /// Required in `aud` when set.
    pub audience: Option<String>,
    /// Whose word about where a request comes from is written into the audit log.
    pub trusted_proxies: TrustedProxies,
}

/// How a request names its tenant.
#[derive(Clone, Debug)]
pub struct TenancyConfig {
    /// The sources that are read.
    pub resolvers: Resolvers,
    /// `example.com` makes `acme.example.com` name `acme`; in lower case.
    pub base_domain: Option<String>,
    /// Names that are never a tenant: the built-in ones and the operator's.
    pub reserved_slugs: BTreeSet<String>,
}

/// What a tenant may send that has no limits of its own; none is no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct LimitsConfig {
    /// Requests a second.
    pub requests_per_second: Option<u64>,
    /// Requests at the same time.
    pub concurrent_requests: Option<u64>,
}

/// How it is kept what tenants used.
#[derive(Clone, Copy, Debug)]
pub struct UsageConfig {
    /// How long the hours are kept.
    pub retention: Duration,
    /// How many tenants have series of their own in `/metrics`.
    pub metrics_tenants: usize,
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// For people or for machines.
    pub format: LogFormat,
    /// Directives as `RUST_LOG` takes them; known to parse.
    pub filter: String,
}

/// Where traces are sent, if anywhere.
#[derive(Clone, Debug, Default)]
pub struct TraceConfig {
    /// A collector's address, by OTLP over HTTP: `http://localhost:4318`.
    pub endpoint: Option<String>,
    /// What the collector knows this service by.
    pub service: String,
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// A place in a request that may name the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resolver {
    /// The claim `tenant`.
    Token,
    /// The label before the base domain, or a tenant's own domain.
    Subdomain,
    /// `X-Tenant-ID`.
    Header,
    /// `/t/{tenant}/...`.
    Path,
}

/// The places that are read; never none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolvers(BTreeSet<Resolver>);

impl Resolvers {
    /// Whether this source may name the tenant.
    pub fn contains(&self, resolver: Resolver) -> bool {
        self.0.contains(&resolver)
    }
}

/// Names that never are a tenant, whatever `RESERVED_SLUGS` adds.
pub const BUILT_IN_RESERVED_SLUGS: [&str; 7] = ["www", "api", "app", "admin", "staging", "static", "docs"];

impl Config {
    /// Reads the environment and, for what it does not say, `.env` in the working directory.
    pub fn from_env() -> Result<Self, ConfigError> {
        Environment::load()?.read(Self::from_lookup)
    }

    /// Reads settings from anywhere: tests and the demo bring their own.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let settings = Settings::new(lookup);
        Ok(Self {
            server: ServerConfig::read(&settings)?,
            auth: AuthConfig::read(&settings)?,
            tenancy: TenancyConfig::read(&settings)?,
            limits: LimitsConfig::read(&settings)?,
            usage: UsageConfig::read(&settings)?,
            log: LogConfig::read(&settings)?,
            traces: TraceConfig::read(&settings)?,
            database: entity::DatabaseSettings::from_lookup(&|name| settings.text(name))?,
        })
    }
}

impl ServerConfig {
    fn read(settings: &Settings<'_>) -> Result<Self, ConfigError> {
        let milliseconds = Duration::from_millis(1);
        Ok(Self {
            bind_addr: settings.or(
                "BIND_ADDR",
                "127.0.0.1:8080",
                "an IP address and a port, such as 127.0.0.1:8080 or [::]:8080",
                |text| text.parse().ok(),
            )?,
            request_timeout: settings.or("REQUEST_TIMEOUT", "30s", "a time from 1ms to 1h, such as 30s", |text| {
                values::duration(text, milliseconds)
            })?,
            shutdown_grace: settings.or("SHUTDOWN_GRACE", "20s", "a time from 0s to 1h, such as 20s", |text| {
                values::duration(text, Duration::ZERO)
            })?,
            body_limit: settings.or(
                "BODY_LIMIT",
                "2MiB",
                "a size from 1B to 1GiB, such as 2MiB or 500kB",
                values::size,
            )?,
            cors_origins: settings
                .optional("CORS_ORIGINS", "origins separated by commas, such as https://app.example.com", |text| {
                    values::list(text, values::origin)
                })?
                .unwrap_or_default(),
        })
    }
}

impl AuthConfig {
    fn read(settings: &Settings<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            secret: settings.secret("JWT_SECRET", 32)?,
            public_key_file: settings.text("JWT_PUBLIC_KEY_FILE").map(PathBuf::from),
            jwks_file: settings.text("JWKS_FILE").map(PathBuf::from),
            issuer: settings.text("JWT_ISSUER"),
            audience: settings.text("JWT_AUDIENCE"),
            trusted_proxies: settings
                .optional("TRUSTED_PROXIES", "addresses or networks separated by commas, such as 10.0.0.0/8", |text| {
                    values::list(text, TrustedProxies::network)
                })?
                .unwrap_or_default(),
        })
    }
}

impl TenancyConfig {
    fn read(settings: &Settings<'_>) -> Result<Self, ConfigError> {
        let reserved: Option<Vec<String>> = settings.optional(
            "RESERVED_SLUGS",
            "names of a-z, 0-9 and -, separated by commas, such as blog,status",
            |text| values::list(text, values::label),
        )?;
        let built_in = BUILT_IN_RESERVED_SLUGS.map(String::from);
        Ok(Self {
            resolvers: settings.or(
                "TENANT_RESOLVERS",
                "token,subdomain,header,path",
                "one or more of token, subdomain, header and path, separated by commas",
                |text| values::list(text, values::resolver).map(Resolvers),
            )?,
            base_domain: settings.optional(
                "BASE_DOMAIN",
                "a domain without scheme and port, such as example.com",
                values::domain,
            )?,
            reserved_slugs: built_in.into_iter().chain(reserved.unwrap_or_default()).collect(),
        })
    }
}

impl TraceConfig {
    fn read(settings: &Settings<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            endpoint: settings.optional(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "the http address of a collector, such as http://localhost:4318",
                values::collector,
            )?,
            service: settings.text("OTEL_SERVICE_NAME").unwrap_or_else(|| "tenantry".to_owned()),
        })
    }
}

impl LimitsConfig {
    fn read(settings: &Settings<'_>) -> Result<Self, ConfigError> {
        let count = |text: &str| values::whole(text, 1..=1_000_000);
        let takes = "a whole number from 1 to 1000000";
        Ok(Self {
            requests_per_second: settings.optional("RATE_LIMIT", takes, count)?,
            concurrent_requests: settings.optional("CONCURRENCY_LIMIT", takes, count)?,
        })
    }
}

impl UsageConfig {
    fn read(settings: &Settings<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            retention: settings.or(
                "USAGE_RETENTION",
                "90days",
                "a time from 1day to 10years, such as 90days",
                values::days,
            )?,
            metrics_tenants: settings
                .or("METRICS_TENANTS", "20", "a whole number from 0 to 1000", |text| values::whole(text, 0..=1_000))?,
        })
    }
}

impl LogConfig {
    fn read(settings: &Settings<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            format: settings.or("LOG_FORMAT", "pretty", "pretty or json", |text| match text {
                "pretty" => Some(LogFormat::Pretty),
                "json" => Some(LogFormat::Json),
                _ => None,
            })?,
            filter: settings.or(
                "RUST_LOG",
                "info",
                "log directives, such as info or info,tenantry=debug",
                values::log_filter,
            )?,
        })
    }
}
