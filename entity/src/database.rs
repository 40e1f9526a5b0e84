//! The open database: every place that tenants are in, checked before anything is served.

use std::sync::Arc;

use sea_orm::{DbBackend, Statement};

use crate::cache::{Cache, CacheStatus, LookObserver, Looked};
use crate::connection::{BudgetStatus, Connections, Lease, PoolStatus, Terms};
use crate::encryption::{self, Keyring};
use crate::entities::tenant;
use crate::error::{Error, Keys};
use crate::gatekeeper::{Gatekeeper, PlatformAdmin};
use crate::guard;
use crate::migrate;
use crate::operations::AtWork;
use crate::place::{Caller, Place, Spot};
use crate::platform::Platform;
use crate::redis::PoolError;
use crate::session::TenantAccess;
use crate::settings::{DatabaseSettings, Store};
use crate::turns::Turns;
use crate::usage::Usage;

/// Which kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A PostgreSQL server.
    Postgres,
    /// An SQLite file, opened by this process.
    Sqlite,
}

/// The open database. By itself it runs nothing: a tenant's rows are reached through [`TenantAccess`],
/// cross-tenant work through [`Database::platform`].
#[derive(Clone)]
pub struct Database {
    pub(crate) settings: Arc<DatabaseSettings>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) cache: Arc<Cache>,
    /// The shared tables at home, as a tenant sees them.
    pub(crate) serving: Arc<Place>,
    /// Work at the pace of clients, who may be slow.
    pub(crate) exports: Turns,
    pub(crate) imports: Turns,
    pub(crate) at_work: Arc<AtWork>,
    /// The catalog, as the platform sees it.
    pub(crate) platform: Arc<Place>,
    pub(crate) keys: Arc<Keyring>,
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
    /// What was asked for cannot be done on it.
    #[error("{0}")]
    NotPossible(String),
    /// What is sealed in it could not be opened.
    #[error("{0}")]
    NoKey(String),
    /// Redis cannot be used in this way.
    #[error(transparent)]
    Redis(#[from] PoolError),
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
    if let Some(doubt) = encryption::doubt(&database.keys).await? {
        return Err(OpenError::NoKey(doubt));
    }
    Ok((database.clone(), Gatekeeper::new(database)))
}

/// Makes ready to connect; connections are opened when first needed.
pub(crate) fn connect(settings: &DatabaseSettings) -> Result<Database, OpenError> {
    make_directory(settings)?;
    let mut settings = settings.clone();
    let connections = Connections::new(&settings);
    settings.looks = Some(counting(&connections, settings.looks.take()));
    let settings = Arc::new(settings);
    let home = Arc::clone(&settings.home);
    let terms = Arc::new(Terms::new(&settings)?);
    let cache = Arc::clone(&terms.cache);
    let place = |party| Arc::new(place(&terms, &connections, &home, Spot::Shared, party));
    let (serving, platform) = (place(Caller::Serving), place(Caller::Platform));
    cache.set_home(&serving);
    let exports = Turns::new(connections.most_exports());
    let imports = Turns::new(connections.most_works() / 2);
    let encryption = &settings.encryption;
    let keys = Arc::new(Keyring::new(encryption.ring.clone(), encryption.lifetime, Arc::clone(&platform)));
    Ok(Database { settings, connections, cache, serving, platform, exports, imports, at_work: Arc::default(), keys })
}

/// Has whatever the cache knows counted as what its tenant used.
fn counting(connections: &Arc<Connections>, others: Option<LookObserver>) -> LookObserver {
    let connections = Arc::clone(connections);
    Arc::new(move |tenant, looked| {
        if looked == Looked::Hit {
            connections.usage.cache_hit(tenant);
        }
        if let Some(others) = &others {
            others(tenant, looked);
        }
    })
}

fn place(terms: &Arc<Terms>, connections: &Arc<Connections>, store: &Arc<Store>, spot: Spot, party: Caller) -> Place {
    Place { connections: Arc::clone(connections), store: Arc::clone(store), spot, party, terms: Arc::clone(terms) }
}

pub(crate) fn make_directory(settings: &DatabaseSettings) -> std::io::Result<()> {
    let directory = settings.home.file().and_then(std::path::Path::parent);
    match directory.filter(|directory| !directory.as_os_str().is_empty()) {
        Some(directory) => std::fs::create_dir_all(directory),
        None => Ok(()),
    }
}

impl Database {
    /// The door to cross-tenant work, for somebody who is proven to be of the platform.
    pub fn platform<'a>(&'a self, admin: &'a PlatformAdmin) -> Platform<'a> {
        Platform::new(self, admin)
    }

    /// Whether the database answers, for both roles.
    pub async fn ping(&self) -> Result<(), Error> {
        for place in [&self.serving, &self.platform] {
            let one = Statement::from_string(place.backend(), "SELECT 1");
            Lease::read_alone(place, one, Keys::default()).await?;
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

    /// Every pool that is open.
    pub fn pools(&self) -> Vec<PoolStatus> {
        self.connections.status()
    }

    /// What tenants use: counts it, and is taken from to be written down.
    pub fn usage(&self) -> &Usage {
        &self.connections.usage
    }

    /// How much of the connection budget is spent.
    pub fn budget(&self) -> BudgetStatus {
        self.connections.budget_status()
    }

    /// How often the cache helped.
    pub fn cache(&self) -> CacheStatus {
        self.cache.status()
    }

    /// Keeps the cache true and in use, for as long as the runtime lives. Without this, nothing is read from Redis, but what is
    /// written here is announced; and a name is not kept for longer than it may be behind.
    pub fn tend_cache(&self) {
        let (cache, catalog) = (Arc::clone(&self.cache), Arc::clone(&self.platform));
        self.spawn(async move { cache.tend(&catalog).await });
    }

    /// Waits until a change of the catalog holds in every process. Where Redis has told them, it does already.
    pub async fn until_noticed(&self) {
        if self.settings.redis.is_none() || self.cache.has_lost() {
            tokio::time::sleep(self.cache.oldest_name()).await;
        }
    }

    /// From now on this thread's runtime drives the connections that are opened for whoever asks on it: each answer then wakes one thread
    /// instead of two. Before the runtime ends, they must [come home](Self::come_home).
    pub fn drive_here(&self) {
        crate::connection::drive_here();
    }

    /// Has connections driven only where the database was opened, and ends once nobody holds one that another thread drives. Runtimes
    /// that [drove](Self::drive_here) connections may end after that.
    pub async fn come_home(&self) {
        self.connections.come_home().await;
    }

    /// Tells the other processes that this one ends.
    pub async fn leave_cache(&self) {
        self.cache.say_farewell().await;
    }

    /// The names of the further servers that tenants can be placed on.
    pub fn datastores(&self) -> Vec<String> {
        self.settings.datastores.iter().filter_map(|store| store.name()).map(str::to_owned).collect()
    }

    /// The serving side of a place.
    pub(crate) fn place(&self, store: &Arc<Store>, spot: Spot) -> Arc<Place> {
        if spot == Spot::Shared && store.name().is_none() {
            return Arc::clone(&self.serving);
        }
        Arc::new(place(&self.serving.terms, &self.connections, store, spot, Caller::Serving))
    }

    /// A place on somebody's own connections.
    pub(crate) fn place_as(&self, store: &Arc<Store>, spot: Spot, party: Caller) -> Place {
        place(&self.serving.terms, &self.connections, store, spot, party)
    }

    /// The store that a tenant is placed on. Its name may have been taken out of the settings.
    pub(crate) fn store(&self, name: Option<&str>) -> Result<Arc<Store>, Error> {
        let store = self.settings.store(name).map(Arc::clone);
        store.ok_or_else(|| Error::Unavailable(format!("DATASTORES has no server {}", name.unwrap_or_default())))
    }

    /// Where the tenant's rows are.
    pub(crate) fn place_of(&self, tenant: &tenant::Model) -> Result<Arc<Place>, Error> {
        let store = self.store(tenant.datastore.as_deref())?;
        Ok(self.place(&store, Spot::of(tenant.isolation, tenant.id)))
    }

    /// Admits to the tenant; whether that may be is for the caller to have decided.
    pub(crate) fn access(&self, tenant: impl Into<Arc<tenant::Model>>) -> Result<TenantAccess, Error> {
        let tenant = tenant.into();
        let place = self.place_of(&tenant)?;
        Ok(TenantAccess::new(tenant, place, self))
    }

    /// Runs work to its end, whether or not anybody still waits for it.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.connections.runtime().spawn(work)
    }
}
