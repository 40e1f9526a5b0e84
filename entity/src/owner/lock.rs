//! Locks between processes: one works on a tenant's place at a time, and one on the fleet.
//!
//! On PostgreSQL, advisory locks in the catalog's database, held by a connection of the owner's: they end with it. On SQLite,
//! locked files beside the database.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

use super::Owner;
use crate::database::Database;
use crate::error::Error;
use crate::place::fence_lock;

/// Held while the fleet is migrated. The number is "tenantry" in ASCII.
const FLEET: i64 = 0x7465_6e61_6e74_7279;

/// Tells the locks of work on a tenant from those that fence its writes.
const WORK: i64 = 0x776f_726b;

/// How often somebody who waits looks whether a file was unlocked.
const LOOK: Duration = Duration::from_millis(100);

/// Nobody else works on the tenant's place while this lives.
pub(crate) struct TenantLock {
    held: Held,
    key: i64,
}

/// Nobody else migrates while this lives.
pub(crate) struct FleetLock(Held);

/// The right to work on a place, where no connection holds it.
type Work = Option<tokio::sync::OwnedSemaphorePermit>;

enum Held {
    Connection(Owner),
    File(
        #[expect(dead_code, reason = "is held, not used")] LockedFile,
        #[expect(dead_code, reason = "is held, not used")] Work,
    ),
}

impl TenantLock {
    /// The lock, unless somebody else has it.
    pub(crate) async fn try_take(database: &Database, tenant: Uuid) -> Result<Option<Self>, Error> {
        Self::try_take_on(database, tenant, &mut None).await
    }

    /// The lock; waits for whoever has it, at most this long. On a spare connection, if there is one.
    pub(crate) async fn take(
        database: &Database,
        tenant: Uuid,
        wait: Duration,
        spare: &mut Option<Owner>,
    ) -> Result<Self, Error> {
        let until = tokio::time::Instant::now() + wait;
        loop {
            if let Some(lock) = Self::try_take_on(database, tenant, spare).await? {
                return Ok(lock);
            }
            if tokio::time::Instant::now() >= until {
                return Err(Error::Busy);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn try_take_on(database: &Database, tenant: Uuid, spare: &mut Option<Owner>) -> Result<Option<Self>, Error> {
        let home = &database.settings.home;
        let key = fence_lock(tenant) ^ WORK;
        if let Some(file) = home.tenant_file(tenant) {
            let locked = LockedFile::try_lock(&file.with_extension("lock")).map_err(unavailable)?;
            let Some(file) = locked else { return Ok(None) };
            let work = database.connections.work().await?;
            return Ok(Some(Self { held: Held::File(file, Some(work)), key }));
        }
        let mut owner = match spare.take() {
            Some(owner) => owner,
            None => Owner::to_work(database).await?,
        };
        if owner.is_true(&format!("SELECT pg_try_advisory_lock({key})")).await? {
            return Ok(Some(Self { held: Held::Connection(owner), key }));
        }
        *spare = Some(owner);
        Ok(None)
    }

    /// The connection that holds it, which is the owner's at home; none on SQLite.
    pub(crate) fn home(&mut self) -> Option<&mut Owner> {
        match &mut self.held {
            Held::Connection(owner) => Some(owner),
            Held::File(..) => None,
        }
    }

    /// Whether it is held still: a connection that was lost took the lock with it.
    pub(crate) async fn check(&mut self) -> Result<(), Error> {
        match &mut self.held {
            Held::Connection(owner) => owner.run("SELECT 1").await,
            Held::File(..) => Ok(()),
        }
    }

    /// Lets it go, and its connection rest.
    pub(crate) async fn end(self, database: &Database) {
        if let Some(owner) = self.release().await {
            owner.rest(database);
        }
    }

    /// Lets it go and gives back its connection, to be used for the next one.
    pub(crate) async fn release(self) -> Option<Owner> {
        match self.held {
            Held::Connection(mut owner) => {
                let released = owner.run(&format!("SELECT pg_advisory_unlock({})", self.key)).await;
                released.is_ok().then_some(owner)
            }
            Held::File(..) => None,
        }
    }
}

impl FleetLock {
    /// The connection that holds it, which is the owner's at home; none on SQLite.
    pub(crate) fn home(&mut self) -> Option<&mut Owner> {
        match &mut self.0 {
            Held::Connection(owner) => Some(owner),
            Held::File(..) => None,
        }
    }

    /// Waits until nobody else migrates.
    pub(crate) async fn take(database: &Database) -> Result<Self, Error> {
        let home = &database.settings.home;
        let Some(file) = home.file() else {
            let mut owner = Owner::at(database, home).await?;
            owner.run(&format!("SELECT pg_advisory_lock({FLEET})")).await?;
            return Ok(Self(Held::Connection(owner)));
        };
        let path = file.with_extension("migrating");
        loop {
            if let Some(locked) = LockedFile::try_lock(&path).map_err(unavailable)? {
                return Ok(Self(Held::File(locked, None)));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn unavailable(error: io::Error) -> Error {
    Error::Unavailable(format!("a lock file: {error}"))
}

/// A locked file, which is gone when this is dropped.
struct LockedFile {
    file: File,
    path: PathBuf,
}

impl LockedFile {
    fn try_lock(path: &Path) -> io::Result<Option<Self>> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
        }
        // Whoever had it may have removed the file between opening and locking: then this is not the one that others see.
        let is_it =
            std::fs::metadata(path).is_ok_and(|there| file.metadata().is_ok_and(|own| own.ino() == there.ino()));
        Ok(is_it.then(|| Self { file, path: path.to_owned() }))
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // A file that stays is found unlocked by the next one.
        let _ = std::fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}
