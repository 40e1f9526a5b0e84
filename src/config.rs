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

/// Everything the program can be told from outside.
#[derive(Clone, Debug)]
pub struct Config {
    /// How requests are taken.
    pub server: ServerConfig,
    /// Which tokens are believed.
    pub auth: AuthConfig,
    /// How a request names its tenant.
    pub tenancy: TenancyConfig,
    /// What is logged, and how.
    pub log: LogConfig,
    /// Where the rows are.
    pub database: entity::DatabaseSettings,
    /// Variables that are set and have no effect in this version: worth a warning at the start.
    pub not_yet: Vec<&'static str>,
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

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// For people or for machines.
    pub format: LogFormat,
    /// Directives as `RUST_LOG` takes them; known to parse.
    pub filter: String,
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

/// Variables of features that are still to come.
const NOT_YET: [&str; 3] = ["ENCRYPTION_MASTER_KEY", "RATE_LIMIT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

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
            log: LogConfig::read(&settings)?,
            database: entity::DatabaseSettings::from_lookup(&|name| settings.text(name))?,
            not_yet: NOT_YET.into_iter().filter(|name| settings.text(name).is_some()).collect(),
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
