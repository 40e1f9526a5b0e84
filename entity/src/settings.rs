//! Which databases, as whom, and how many connections: read here, so that the application never holds a password.

mod cache;
mod encryption;
mod pools;
mod store;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::LookObserver;
use crate::connection::Observer;
use crate::redis::Redis;
use crate::steps::Steps;

pub(crate) use cache::{CacheMode, CacheSettings};
pub(crate) use encryption::EncryptionSettings;
pub(crate) use pools::PoolRules;
pub(crate) use store::{Party, Store, own_name};

const DEFAULT_URL: &str = "sqlite://data/tenantry.db?mode=rwc";

/// A setting that cannot be used, and what it takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {message}")]
pub struct SettingError {
    /// The environment variable.
    pub variable: String,
    /// What it takes. Never holds the value: it may be a secret.
    pub message: String,
}

type Get<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The databases' addresses and how they are used. Prints no password.
#[derive(Clone)]
pub struct DatabaseSettings {
    /// Where the catalog is, and every tenant that is placed nowhere else.
    pub(crate) home: Arc<Store>,
    /// Further servers, by name.
    pub(crate) datastores: Vec<Arc<Store>>,
    /// Most connections, all pools together.
    pub(crate) budget: usize,
    pub(crate) pools: PoolRules,
    pub(crate) statement_timeout: Duration,
    /// From how long on a statement is slow; none for never.
    pub(crate) slow_statement: Option<Duration>,
    /// Longest that a request that was admitted may go on to use what it was admitted to.
    pub(crate) request_timeout: Duration,
    pub(crate) encryption: EncryptionSettings,
    pub(crate) cache: CacheSettings,
    /// What the processes of an installation share, if they do.
    pub(crate) redis: Option<Redis>,
    pub(crate) observer: Option<Observer>,
    pub(crate) looks: Option<LookObserver>,
    pub(crate) steps: Steps,
    /// The steps of what the cache does, which are too many to be among those of long work.
    pub(crate) cache_steps: Steps,
}

impl DatabaseSettings {
    /// Reads `DATABASE_URL`, `DATABASE_OWNER_URL`, `DATABASE_PLATFORM_URL`, `DATASTORES`, `CONNECTION_BUDGET`, the `POOL_*`
    /// variables, `STATEMENT_TIMEOUT`, `SLOW_STATEMENT`, `REQUEST_TIMEOUT`, `REDIS_URL`, `CACHE`, the `CACHE_*` and the
    /// `ENCRYPTION_*` variables through the given look-up.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let home = Arc::new(Store::home(&get, DEFAULT_URL)?);
        let budget = count(&get, "CONNECTION_BUDGET", 100)?;
        if budget < 2 {
            return Err(wrong("CONNECTION_BUDGET", "takes at least 2: one to serve and one for the platform"));
        }
        let request_timeout = duration(&get, "REQUEST_TIMEOUT", "30s")?;
        Ok(Self {
            datastores: store::datastores(&get, &home)?,
            home,
            budget,
            pools: PoolRules::from_lookup(&get)?,
            statement_timeout: duration(&get, "STATEMENT_TIMEOUT", "10s")?,
            slow_statement: unless_off(&get, "SLOW_STATEMENT", "500ms")?,
            request_timeout,
            cache: CacheSettings::from_lookup(&get, request_timeout)?,
            encryption: EncryptionSettings::from_lookup(&get)?,
            redis: get("REDIS_URL").map(|url| Redis::parse(url.trim())).transpose()?,
            observer: None,
            looks: None,
            steps: Steps::default(),
            cache_steps: Steps::default(),
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

    /// Tells of every read of a tenant's rows that looked into the cache, and what that came to.
    #[must_use]
    pub fn looks_observed_by(mut self, observer: LookObserver) -> Self {
        self.looks = Some(observer);
        self
    }

    /// Tells the steps of long work as they are reached.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn stepping(mut self, steps: Steps) -> Self {
        self.steps = steps;
        self
    }

    /// The server of `REDIS_URL`, if there is one.
    pub fn redis(&self) -> Option<&Redis> {
        self.redis.as_ref()
    }

    /// Tells the steps of commits and of cached reads as they are reached.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn stepping_cache(mut self, steps: Steps) -> Self {
        self.cache_steps = steps;
        self
    }

    /// Whether the database is a file that this process opens by itself.
    pub fn is_embedded(&self) -> bool {
        self.home.is_sqlite()
    }

    /// Where the serving connections go, without a password.
    pub fn describe(&self) -> String {
        self.home.describe()
    }

    /// Home first.
    pub(crate) fn stores(&self) -> impl Iterator<Item = &Arc<Store>> {
        std::iter::once(&self.home).chain(&self.datastores)
    }

    /// The store of this name; home for none.
    pub(crate) fn store(&self, name: Option<&str>) -> Option<&Arc<Store>> {
        self.stores().find(|store| store.name() == name)
    }

    /// The role that connects as this party; none on SQLite. The same on every server.
    pub(crate) fn role(&self, party: Party) -> Option<&str> {
        self.home.role(party)
    }
}

impl fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseSettings({})", self.describe())
    }
}

fn count(get: Get<'_>, name: &str, default: usize) -> Result<usize, SettingError> {
    number(get, name, default, 1..=10_000)
}

fn number(
    get: Get<'_>,
    name: &str,
    default: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<usize, SettingError> {
    let Some(text) = get(name) else { return Ok(default) };
    let number = text.trim().parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| wrong(name, &format!("takes a whole number from {} to {}", range.start(), range.end())))
}

fn duration(get: Get<'_>, name: &str, default: &str) -> Result<Duration, SettingError> {
    let text = get(name).unwrap_or_else(|| default.to_owned());
    let longest = Duration::from_secs(86_400);
    let read = humantime::parse_duration(text.trim()).ok();
    read.filter(|time| (Duration::from_millis(1)..=longest).contains(time))
        .ok_or_else(|| wrong(name, &format!("takes a duration from 1ms to 1day, such as {default}")))
}

/// A duration, or `off`.
fn unless_off(get: Get<'_>, name: &str, default: &str) -> Result<Option<Duration>, SettingError> {
    if get(name).is_some_and(|text| text.trim() == "off") {
        return Ok(None);
    }
    duration(get, name, default)
        .map(Some)
        .map_err(|_| wrong(name, &format!("takes a duration from 1ms to 1day, such as {default}, or off")))
}

/// `2MiB`, `500kB`, `4096`: in bytes. For whoever else reads settings, too.
pub fn size_in_bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

fn wrong(variable: &str, message: &str) -> SettingError {
    SettingError { variable: variable.to_owned(), message: message.to_owned() }
}
