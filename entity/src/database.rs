//! The open database: pools for the serving and the platform role, checked before anything is served.

use std::sync::Arc;

use sea_orm::{DbBackend, Statement};

use crate::connection::{Lease, Pools, Source, Terms};
use crate::error::{Error, Keys};
use crate::gatekeeper::{Gatekeeper, PlatformAdmin};
use crate::guard;
use crate::migrate;
use crate::platform::Platform;
use crate::session::Place;
use crate::settings::{DatabaseSettings, Party};

/// Which kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A PostgreSQL server.
    Postgres,
    /// An SQLite file, opened by this process.
    Sqlite,
}

/// The open database. By itself it runs nothing: a tenant's rows are reached through [`TenantAccess`](crate::TenantAccess),
/// cross-tenant work through [`Database::platform`].
#[derive(Clone)]
pub struct Database {
    pub(crate) serving: Arc<Place>,
    pub(crate) platform: Arc<Place>,
}

/// Why a database is not served.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be reached.
    #[error("the database cannot be opened: {0}")]
    Unavailable(#[from] Error),
    /// Its directory cannot be made.
    #[error("the database's directory cannot be made: {0}")]
    Directory(#[from] std::io::Error),
    /// Its tables are older than this program, or not there.
    #[error("{0}")]
    NotMigrated(migrate::Pending),
    /// It would not keep tenants apart.
    #[error("the database does not keep tenants apart: {}", .0.join("; "))]
    Unsafe(Vec<String>),
}

/// Opens the database and proves, before anything is served, that it keeps tenants apart.
///
/// The [`Gatekeeper`] that comes with it makes the proofs that everything else asks for: hand it to authentication only.
pub async fn open(settings: &DatabaseSettings) -> Result<(Database, Gatekeeper), OpenError> {
    let database = connect(settings)?;
    let pending = migrate::pending(&database).await?;
    if pending.is_any() {
        return Err(OpenError::NotMigrated(pending));
    }
    let failed: Vec<String> =
        guard::examine(&database).await?.into_iter().filter(|check| !check.ok).map(|check| check.finding).collect();
    if !failed.is_empty() {
        return Err(OpenError::Unsafe(failed));
    }
    Ok((database.clone(), Gatekeeper::new(database)))
}

/// Makes the pools; connections are opened when first needed.
pub(crate) fn connect(settings: &DatabaseSettings) -> Result<Database, OpenError> {
    make_directory(settings)?;
    let terms = Terms { statement_timeout: settings.statement_timeout, observer: settings.observer.clone() };
    let place = |party, size| Place { pools: Pools::new(settings.source(party).clone(), size), terms: terms.clone() };
    let serving = Arc::new(place(Party::Serving, settings.serving_size));
    // One file has one writer, whoever asks: the platform shares its queue.
    let platform = match settings.source(Party::Serving) {
        Source::Sqlite(_) => Arc::clone(&serving),
        Source::Postgres(_) => Arc::new(place(Party::Platform, settings.platform_size)),
    };
    Ok(Database { serving, platform })
}

pub(crate) fn make_directory(settings: &DatabaseSettings) -> std::io::Result<()> {
    if let Source::Sqlite(options) = settings.source(Party::Serving)
        && let Some(directory) = options.get_filename().parent().filter(|directory| !directory.as_os_str().is_empty())
    {
        std::fs::create_dir_all(directory)?;
    }
    Ok(())
}

impl Database {
    /// The door to cross-tenant work, for somebody who is proven to be of the platform.
    pub fn platform<'a>(&'a self, admin: &'a PlatformAdmin) -> Platform<'a> {
        Platform::new(&self.platform, admin)
    }

    /// Whether the database answers, for both roles.
    pub async fn ping(&self) -> Result<(), Error> {
        for place in [&self.serving, &self.platform] {
            let one = Statement::from_string(place.backend(), "SELECT 1");
            Lease::read_alone(&place.pools, &place.terms, one, Keys::default()).await?;
        }
        Ok(())
    }

    /// Which kind of database this is.
    pub fn backend(&self) -> Backend {
        match self.serving.backend() {
            DbBackend::Postgres => Backend::Postgres,
            _ => Backend::Sqlite,
        }
    }

    /// The pools' names with their sizes, for metrics.
    pub fn pools(&self) -> Vec<PoolStatus> {
        let mut pools = vec![PoolStatus::of("serving", &self.serving)];
        if !Arc::ptr_eq(&self.serving, &self.platform) {
            pools.push(PoolStatus::of("platform", &self.platform));
        }
        pools
    }
}

/// How full a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    /// Whose connections.
    pub name: &'static str,
    /// Connections that are open.
    pub size: usize,
    /// Of these, lent out.
    pub in_use: usize,
    /// Most connections it opens.
    pub max_size: usize,
    /// Requests that wait for one.
    pub waiting: usize,
}

impl PoolStatus {
    fn of(name: &'static str, place: &Place) -> Self {
        let status = place.pools.of(crate::connection::Access::Read).status();
        Self {
            name,
            size: status.size,
            in_use: status.size.saturating_sub(status.available),
            max_size: status.max_size,
            waiting: status.waiting,
        }
    }
}
