//! Which databases, as whom, and how many connections: read here, so that the application never holds a password.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

use crate::connection::{Observer, Source};

const DEFAULT_URL: &str = "sqlite://data/tenantry.db?mode=rwc";

/// How long SQLite waits for another process's write lock.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A setting that cannot be used, and what it takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {message}")]
pub struct SettingError {
    /// The environment variable.
    pub variable: String,
    /// What it takes. Never holds the value: it may be a secret.
    pub message: String,
}

/// Whose connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    /// Answers requests.
    Serving,
    /// Runs migrations.
    Owner,
    /// Does cross-tenant work.
    Platform,
}

/// The databases' addresses and how they are used. Prints no password.
#[derive(Clone)]
pub struct DatabaseSettings {
    serving: Source,
    owner: Source,
    platform: Source,
    /// Connections of the serving pool.
    pub(crate) serving_size: usize,
    /// Connections of the platform's pool.
    pub(crate) platform_size: usize,
    pub(crate) statement_timeout: Duration,
    pub(crate) observer: Option<Observer>,
}

impl DatabaseSettings {
    /// Reads `DATABASE_URL`, `DATABASE_OWNER_URL`, `DATABASE_PLATFORM_URL`, `CONNECTION_BUDGET`, `POOL_MIN`, `POOL_MAX` and
    /// `STATEMENT_TIMEOUT` through the given look-up.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let serving = source("DATABASE_URL", &get("DATABASE_URL").unwrap_or_else(|| DEFAULT_URL.to_owned()))?;
        let named = |name: &str, default: &Source| match get(name) {
            Some(url) => same_backend(name, source(name, &url)?, &serving),
            None => Ok(default.clone()),
        };
        let owner = named("DATABASE_OWNER_URL", &serving)?;
        let platform = named("DATABASE_PLATFORM_URL", &owner)?;
        let sizes = Sizes::from_lookup(&get)?;
        let statement_timeout = match get("STATEMENT_TIMEOUT") {
            Some(text) => humantime::parse_duration(&text)
                .ok()
                .filter(|timeout| *timeout >= Duration::from_millis(1) && *timeout <= Duration::from_secs(86_400))
                .ok_or_else(|| wrong("STATEMENT_TIMEOUT", "takes a duration from 1ms to 1day, such as 10s"))?,
            None => Duration::from_secs(10),
        };
        Ok(Self {
            serving,
            owner,
            platform,
            serving_size: sizes.serving,
            platform_size: sizes.platform,
            statement_timeout,
            observer: None,
        })
    }

    /// An embedded database in this file, made if it is not there.
    pub fn sqlite_file(path: &Path) -> Result<Self, SettingError> {
        let url = format!("sqlite://{}?mode=rwc", path.display());
        Self::from_lookup(&|name| (name == "DATABASE_URL").then(|| url.clone()))
    }

    /// Shows every statement to the observer before it is sent.
    #[must_use]
    pub fn observed_by(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Whether the database is a file that this process opens by itself.
    pub fn is_embedded(&self) -> bool {
        matches!(self.serving, Source::Sqlite(_))
    }

    /// Where the serving connections go, without a password.
    pub fn describe(&self) -> String {
        match &self.serving {
            Source::Sqlite(options) => format!("sqlite {}", options.get_filename().display()),
            Source::Postgres(options) => format!(
                "postgres {}:{}/{} as {}",
                options.get_host(),
                options.get_port(),
                options.get_database().unwrap_or_default(),
                options.get_username()
            ),
        }
    }

    pub(crate) fn source(&self, party: Party) -> &Source {
        match party {
            Party::Serving => &self.serving,
            Party::Owner => &self.owner,
            Party::Platform => &self.platform,
        }
    }

    /// The role that connects as this party; none on SQLite.
    pub(crate) fn role(&self, party: Party) -> Option<&str> {
        match self.source(party) {
            Source::Postgres(options) => Some(options.get_username()),
            Source::Sqlite(_) => None,
        }
    }
}

impl fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseSettings({})", self.describe())
    }
}

/// How the connections of this process are shared out.
struct Sizes {
    serving: usize,
    platform: usize,
}

impl Sizes {
    fn from_lookup(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let budget = count(get, "CONNECTION_BUDGET", 100)?;
        let least = count(get, "POOL_MIN", 5)?;
        let most = count(get, "POOL_MAX", 50)?;
        if budget < 2 {
            return Err(wrong("CONNECTION_BUDGET", "takes at least 2: one to serve and one for the platform"));
        }
        if least > most {
            return Err(wrong("POOL_MIN", "takes at most what POOL_MAX is"));
        }
        // The platform's share finds tenants and does the operator's work; a quarter keeps pace with the rest.
        let platform = (budget / 4).clamp(1, most);
        Ok(Self { serving: (budget - platform).min(most), platform })
    }
}

fn count(get: &dyn Fn(&str) -> Option<String>, name: &str, default: usize) -> Result<usize, SettingError> {
    let Some(text) = get(name) else { return Ok(default) };
    let number = text.trim().parse().ok().filter(|number| (1..=10_000).contains(number));
    number.ok_or_else(|| wrong(name, "takes a whole number from 1 to 10000"))
}

fn source(name: &str, url: &str) -> Result<Source, SettingError> {
    match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("postgres" | "postgresql") => postgres(name, url),
        Some("sqlite") => sqlite(name, url),
        _ => Err(wrong(name, "takes postgres://user:password@host:port/database or sqlite://path")),
    }
}

fn postgres(name: &str, url: &str) -> Result<Source, SettingError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| wrong(name, "is not a valid postgres:// address (postgres://user:password@host:port/database)"))?;
    Ok(Source::Postgres(Box::new(options.application_name("tenantry").disable_statement_logging())))
}

fn sqlite(name: &str, url: &str) -> Result<Source, SettingError> {
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(wrong(name, "takes a file: a database in memory would differ for each connection"));
    }
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|_| wrong(name, "is not a valid sqlite:// address (sqlite://path/to/file.db?mode=rwc)"))?;
    Ok(Source::Sqlite(Box::new(
        options
            .journal_mode(SqliteJournalMode::Wal)
            .foreign_keys(true)
            .busy_timeout(SQLITE_BUSY_TIMEOUT)
            .disable_statement_logging(),
    )))
}

fn same_backend(name: &str, source: Source, serving: &Source) -> Result<Source, SettingError> {
    match (&source, serving) {
        (Source::Postgres(_), Source::Postgres(_)) => Ok(source),
        (Source::Sqlite(own), Source::Sqlite(served)) if own.get_filename() == served.get_filename() => Ok(source),
        (Source::Sqlite(_), Source::Sqlite(_)) => {
            Err(wrong(name, "takes the file of DATABASE_URL: a file has no roles"))
        }
        _ => Err(wrong(name, "takes the same kind of database as DATABASE_URL")),
    }
}

fn wrong(variable: &str, message: &str) -> SettingError {
    SettingError { variable: variable.to_owned(), message: message.to_owned() }
}
