//! Servers: home, and those that `DATASTORES` adds.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use uuid::Uuid;

use super::{Get, SettingError, wrong};
use crate::connection::Source;

/// How long SQLite waits for another process's write lock.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Whose connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    /// Answers requests.
    Serving,
    /// Makes places, migrates and destroys them.
    Owner,
    /// Does cross-tenant work.
    Platform,
}

/// A server with a database of shared tables and of tenants' schemas, and beside it the databases of single tenants; or a
/// file, and beside it the files of single tenants.
#[derive(Clone)]
pub(crate) struct Store {
    name: Option<Arc<str>>,
    serving: Source,
    owner: Source,
    platform: Source,
}

impl Store {
    /// The store of `DATABASE_URL` and of the other roles' variables.
    pub(super) fn home(get: Get<'_>, default: &str) -> Result<Self, SettingError> {
        let serving = source("DATABASE_URL", &get("DATABASE_URL").unwrap_or_else(|| default.to_owned()))?;
        let named = |name: &str, default: &Source| match get(name) {
            Some(url) => same_backend(name, source(name, &url)?, &serving),
            None => Ok(default.clone()),
        };
        let owner = named("DATABASE_OWNER_URL", &serving)?;
        let platform = named("DATABASE_PLATFORM_URL", &owner)?;
        Ok(Self { name: None, serving, owner, platform })
    }

    /// Its name in `DATASTORES`; none for home.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn key(&self) -> Option<Arc<str>> {
        self.name.clone()
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self.serving, Source::Sqlite(_))
    }

    /// Where connections of a party come from: to the store's own database, or to that of one tenant.
    pub(crate) fn source(&self, party: Party, tenant: Option<Uuid>) -> Source {
        let own = match party {
            Party::Serving => &self.serving,
            Party::Owner => &self.owner,
            Party::Platform => &self.platform,
        };
        match (own, tenant) {
            (own, None) => own.clone(),
            (Source::Postgres(options), Some(tenant)) => {
                Source::Postgres(Box::new((**options).clone().database(&own_name(tenant))))
            }
            (Source::Sqlite(options), Some(tenant)) => {
                let file = (**options).clone().filename(own_file(options.get_filename(), tenant));
                // Whoever serves must not bring back, empty, a file that is gone.
                Source::Sqlite(Box::new(file.create_if_missing(party == Party::Owner)))
            }
        }
    }

    /// The file of a tenant's own, on SQLite.
    pub(crate) fn tenant_file(&self, tenant: Uuid) -> Option<PathBuf> {
        match &self.serving {
            Source::Sqlite(options) => Some(own_file(options.get_filename(), tenant)),
            Source::Postgres(_) => None,
        }
    }

    /// The store's own file, on SQLite.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.serving {
            Source::Sqlite(options) => Some(options.get_filename()),
            Source::Postgres(_) => None,
        }
    }

    /// The name of the store's own database on its server; empty on SQLite.
    pub(crate) fn database_name(&self) -> &str {
        match &self.serving {
            Source::Postgres(options) => options.get_database().unwrap_or_default(),
            Source::Sqlite(_) => "",
        }
    }

    /// The role that connects as this party; none on SQLite.
    pub(crate) fn role(&self, party: Party) -> Option<&str> {
        match party {
            Party::Serving => self.serving.role(),
            Party::Owner => self.owner.role(),
            Party::Platform => self.platform.role(),
        }
    }

    /// Whether anybody but the serving role can make places here.
    pub(crate) fn has_owner(&self) -> bool {
        self.is_sqlite() || self.owner.role() != self.serving.role()
    }

    /// Where the serving connections go, without a password.
    pub(crate) fn describe(&self) -> String {
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

    /// Host, port and database: what two stores must not share.
    fn address(&self) -> Option<(&str, u16, Option<&str>)> {
        match &self.serving {
            Source::Postgres(options) => Some((options.get_host(), options.get_port(), options.get_database())),
            Source::Sqlite(_) => None,
        }
    }
}

/// What a tenant's schema, database and file are called. Made from its id and nothing else: no text of a request is in it.
pub(crate) fn own_name(tenant: Uuid) -> String {
    format!("tenant_{}", tenant.simple())
}

fn own_file(home: &Path, tenant: Uuid) -> PathBuf {
    let stem = home.file_stem().unwrap_or_default().to_string_lossy();
    home.with_file_name(format!("{stem}-tenants")).join(format!("{}.db", own_name(tenant)))
}

/// Reads `DATASTORES`: `name=url`, separated by commas. The roles are those of the other variables, which must exist on
/// each server; a user and a password in an address are the owner's there.
pub(super) fn datastores(get: Get<'_>, home: &Store) -> Result<Vec<Arc<Store>>, SettingError> {
    let variable = "DATASTORES";
    let Some(text) = get(variable) else { return Ok(Vec::new()) };
    let Source::Postgres(serving) = &home.serving else {
        return Err(wrong(variable, "takes effect only beside a postgres:// DATABASE_URL"));
    };
    let mut stores: Vec<Arc<Store>> = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let pair = entry.split_once('=').map(|(name, url)| (name.trim(), url.trim()));
        let Some((name, url)) = pair.filter(|(name, _)| is_label(name)) else {
            return Err(wrong(
                variable,
                "takes name=postgres://host:port/database, separated by commas; a name is of a-z, 0-9, - and _",
            ));
        };
        let Source::Postgres(there) = source(variable, url)? else {
            return Err(wrong(variable, "takes postgres:// addresses"));
        };
        let store = datastore(name, url, &there, serving, home);
        let taken = |other: &Store| other.name() == store.name() || other.address() == store.address();
        if taken(home) || stores.iter().any(|other| taken(other)) {
            return Err(wrong(variable, "takes each name and each database once, and not that of DATABASE_URL"));
        }
        stores.push(Arc::new(store));
    }
    Ok(stores)
}

fn datastore(name: &str, url: &str, there: &PgConnectOptions, serving: &PgConnectOptions, home: &Store) -> Store {
    let at = |own: &Source| match own {
        Source::Postgres(own) => {
            let moved = (**own).clone().host(there.get_host()).port(there.get_port());
            let database = there.get_database().unwrap_or_else(|| own.get_database().unwrap_or_default());
            Source::Postgres(Box::new(moved.database(database)))
        }
        Source::Sqlite(own) => Source::Sqlite(own.clone()),
    };
    let names_another = url.contains('@') && there.get_username() != serving.get_username();
    Store {
        name: Some(name.into()),
        serving: at(&home.serving),
        owner: if names_another { Source::Postgres(Box::new(there.clone())) } else { at(&home.owner) },
        platform: at(&home.platform),
    }
}

fn is_label(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    !name.is_empty() && name.len() <= 63 && name.chars().all(allowed)
}

fn source(name: &str, url: &str) -> Result<Source, SettingError> {
    match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("postgres" | "postgresql") => postgres(name, url),
        Some("sqlite") => sqlite(name, url),
        _ => Err(wrong(name, "takes postgres://user:password@host:port/database or sqlite://path")),
    }
}

/// Statements that a connection keeps prepared, unless its address says how many. Every schema of a tenant's own has a few; each takes
/// the server's process about 60 KB, once it is used.
const STATEMENTS: usize = 500;

fn postgres(name: &str, url: &str) -> Result<Source, SettingError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| wrong(name, "is not a valid postgres:// address (postgres://user:password@host:port/database)"))?;
    // Poolers refuse start-up parameters that they do not know; no number of ours is of that kind.
    let mut options = options.application_name("tenantry").extra_float_digits(None);
    if !url.contains("statement-cache-capacity=") {
        options = options.statement_cache_capacity(STATEMENTS);
    }
    Ok(Source::Postgres(Box::new(options.disable_statement_logging())))
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

#[cfg(test)]
mod tests {
    use sqlx::ConnectOptions;

    use super::*;

    #[test]
    fn an_address_may_say_how_many_statements_are_kept() {
        for (query, kept) in [("", "500"), ("?statement-cache-capacity=0", "0"), ("?statement-cache-capacity=7", "7")] {
            let source = postgres("DATABASE_URL", &format!("postgres://localhost/tenantry{query}"));
            let Ok(Source::Postgres(options)) = source else { panic!("it is PostgreSQL's") };
            let url = options.to_url_lossy();
            let said = url.query_pairs().find(|(name, _)| name == "statement-cache-capacity");
            assert_eq!(said.map(|(_, capacity)| capacity.into_owned()).as_deref(), Some(kept), "{url}");
        }
    }
}
