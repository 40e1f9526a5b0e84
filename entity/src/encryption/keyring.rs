//! The data keys that this process has at hand: unwrapped when they are first needed, forgotten after a while.
//!
//! Another process may have made a newer key. So a version that is not known here is fetched from the catalog, and the newest
//! one is asked for anew when what is known expires: for so long, at most, this process may go on to seal with the one before.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::StatementBuilder;
use sea_orm::sea_query::InsertStatement;
use uuid::Uuid;

use super::key::{DataKey, KeyBytes, Slot};
use super::provider::Ring;
use super::{Stored, catalog, stored};
use crate::connection::{Access, Binding, Lease};
use crate::entities::data_key;
use crate::error::{Error, Keys};
use crate::place::Place;

/// Tenants whose keys are at hand at once: each takes about a kilobyte.
const MOST: usize = 10_000;

/// Seals and opens texts of whichever tenant.
pub(crate) struct Keyring {
    ring: Option<Arc<Ring>>,
    lifetime: Duration,
    catalog: Arc<Place>,
    known: Mutex<HashMap<Uuid, Arc<Known>>>,
}

/// One tenant's keys.
struct Known {
    newest: i32,
    keys: BTreeMap<i32, Arc<DataKey>>,
    until: Instant,
}

impl Known {
    fn is_fresh(&self) -> bool {
        Instant::now() < self.until
    }
}

impl Keyring {
    /// `catalog` is where `data_keys` is, as the platform sees it.
    pub(crate) fn new(ring: Option<Arc<Ring>>, lifetime: Duration, catalog: Arc<Place>) -> Self {
        Self { ring, lifetime, catalog, known: Mutex::default() }
    }

    /// Whether texts are sealed.
    pub(crate) fn is_on(&self) -> bool {
        self.ring.is_some()
    }

    /// For how long keys are at hand.
    pub(crate) fn lifetime(&self) -> Duration {
        self.lifetime
    }

    pub(super) fn catalog(&self) -> &Place {
        &self.catalog
    }

    /// The master keys, where something cannot be done without.
    pub(crate) fn ring(&self) -> Result<&Ring, Error> {
        self.ring
            .as_deref()
            .ok_or_else(|| Error::NotPossible("nothing is encrypted: ENCRYPTION_MASTER_KEY is not set".to_owned()))
    }

    /// The text as it is to be stored in this slot.
    pub(crate) async fn seal(&self, slot: Slot<'_>, text: String) -> Result<String, Error> {
        Ok(match self.sealing(slot.tenant).await? {
            Some(key) => key.seal(slot, &text),
            None => stored::plain(text),
        })
    }

    /// The text that is stored in this slot. One that does not open is told to the operator, and to nobody else.
    pub(crate) async fn open(&self, slot: Slot<'_>, text: String) -> Result<String, Error> {
        let opened = match Stored::read(&text) {
            Stored::Plain(plain) if plain.len() == text.len() => return Ok(text),
            Stored::Plain(plain) => return Ok(plain.to_owned()),
            Stored::Damaged => None,
            Stored::Sealed { .. } if !self.is_on() => {
                let why = "a text is sealed, and ENCRYPTION_MASTER_KEY is not set in this process";
                return Err(Error::Unavailable(why.to_owned()));
            }
            Stored::Sealed { version, body } => {
                let key = self.opening(slot.tenant, version).await?;
                key.and_then(|key| key.open(slot, body).ok())
            }
        };
        opened.ok_or_else(|| {
            let Slot { tenant, table, column, row } = slot;
            tracing::error!(%tenant, table, column, %row, "a sealed text does not open: it was damaged or moved, or its key is gone");
            Error::Internal(format!("a sealed text of {table} does not open"))
        })
    }

    /// The key that seals the tenant's texts, made if there is none; `None` where nothing is sealed.
    pub(crate) async fn sealing(&self, tenant: Uuid) -> Result<Option<Arc<DataKey>>, Error> {
        if !self.is_on() {
            return Ok(None);
        }
        if let Some(known) = self.fresh(tenant) {
            return Ok(known.keys.get(&known.newest).cloned());
        }
        self.newest(tenant).await.map(Some)
    }

    /// The tenant's newest key, asked for in the catalog, and made if there is none.
    pub(crate) async fn newest(&self, tenant: Uuid) -> Result<Arc<DataKey>, Error> {
        let known = match self.load(tenant, None).await? {
            Some(known) => Some(known),
            None => {
                self.make_first(tenant).await?;
                self.load(tenant, None).await?
            }
        };
        let key = known.and_then(|known| known.keys.get(&known.newest).cloned());
        key.ok_or_else(|| Error::Internal("a data key vanished".to_owned()))
    }

    /// The tenant's key of this version, if there is one.
    pub(crate) async fn opening(&self, tenant: Uuid, version: i32) -> Result<Option<Arc<DataKey>>, Error> {
        if let Some(key) = self.fresh(tenant).and_then(|known| known.keys.get(&version).cloned()) {
            return Ok(Some(key));
        }
        let known = self.load(tenant, Some(version)).await?;
        Ok(known.and_then(|known| known.keys.get(&version).cloned()))
    }

    /// Has the tenant's keys asked for anew: they have changed, or are no more.
    pub(crate) fn forget(&self, tenant: Uuid) {
        self.known().remove(&tenant);
    }

    /// The tenant's keys as the catalog has them.
    pub(crate) async fn wrapped(&self, tenant: Uuid) -> Result<Vec<data_key::Model>, Error> {
        catalog::of_tenant(&self.catalog, tenant).await
    }

    /// What puts the tenant's next key into the catalog, and its version.
    pub(super) async fn next(&self, tenant: Uuid) -> Result<(InsertStatement, i32), Error> {
        let newest = catalog::of_tenant(&self.catalog, tenant).await?.last().map_or(0, |key| key.version);
        Ok((self.made(tenant, newest + 1).await?, newest + 1))
    }

    /// What puts a new key of this version into the catalog.
    async fn made(&self, tenant: Uuid, version: i32) -> Result<InsertStatement, Error> {
        let ring = self.ring()?;
        let wrapped = ring.present.wrap(&KeyBytes::generate(), &DataKey::about(tenant, version)).await?;
        Ok(catalog::insertion(tenant, version, wrapped, ring.present.master_key_id()))
    }

    /// Two may do this at once: the key of one of them is the tenant's. It is the first whatever is there by now, or the slower one
    /// would make a second.
    async fn make_first(&self, tenant: Uuid) -> Result<(), Error> {
        let mut insert = self.made(tenant, 1).await?;
        insert.on_conflict(sea_orm::sea_query::OnConflict::new().do_nothing().to_owned());
        let mut lease = Lease::begin(&self.catalog, Access::Write, Binding::Nobody).await?;
        let statement = StatementBuilder::build(&insert, &self.catalog.backend());
        let sent = lease.affected(statement, Keys::default()).await;
        if sent.is_err() {
            lease.roll_back().await;
        }
        sent?;
        lease.commit().await
    }

    /// Fetches the tenant's keys that are in use, and one that is wanted besides; none if there is no key at all.
    async fn load(&self, tenant: Uuid, wanted: Option<i32>) -> Result<Option<Arc<Known>>, Error> {
        // Counted from before it is asked: a newer key may be put there while the answer is under way.
        let until = Instant::now() + self.lifetime;
        let rows = catalog::of_tenant(&self.catalog, tenant).await?;
        let Some(newest) = rows.last().map(|row| row.version) else {
            self.forget(tenant);
            return Ok(None);
        };
        let mut keys = self.fresh(tenant).map(|known| known.keys.clone()).unwrap_or_default();
        for row in rows.iter().filter(|row| row.retired_at.is_none() || wanted == Some(row.version)) {
            if let Entry::Vacant(lacking) = keys.entry(row.version) {
                lacking.insert(Arc::new(self.unwrap(row).await?));
            }
        }
        let known = Arc::new(Known { newest, keys, until });
        self.keep(tenant, Arc::clone(&known));
        Ok(Some(known))
    }

    async fn unwrap(&self, row: &data_key::Model) -> Result<DataKey, Error> {
        self.unwrap_of(row.tenant_id, row.version, &row.wrapped, &row.master_key_id).await
    }

    /// A data key, also of another installation's tenant.
    pub(crate) async fn unwrap_of(
        &self,
        tenant: Uuid,
        version: i32,
        wrapped: &str,
        master_key_id: &str,
    ) -> Result<DataKey, Error> {
        let provider = self.ring()?.with_id(master_key_id)?;
        Ok(DataKey::new(version, &provider.unwrap(wrapped, &DataKey::about(tenant, version)).await?))
    }

    fn fresh(&self, tenant: Uuid) -> Option<Arc<Known>> {
        self.known().get(&tenant).filter(|known| known.is_fresh()).cloned()
    }

    /// Makes room by forgetting what has expired, and where that is not enough, everything.
    fn keep(&self, tenant: Uuid, known: Arc<Known>) {
        let mut all = self.known();
        if all.len() >= MOST {
            all.retain(|_, known| known.is_fresh());
        }
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(tenant, known);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Known>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Keyring {
    /// As somebody does who saw no key a moment ago.
    pub(crate) async fn make_first_for_test(&self, tenant: Uuid) {
        self.make_first(tenant).await.unwrap();
    }

    /// As if so many tenants were at work; says of how many of them, and others, keys are at hand then.
    pub(crate) fn crowd_for_test(&self, tenants: usize) -> usize {
        for _ in 0..tenants {
            let until = Instant::now() + self.lifetime;
            self.keep(Uuid::now_v7(), Arc::new(Known { newest: 1, keys: BTreeMap::new(), until }));
        }
        self.known().len()
    }

    /// Makes the tenant's next key, and says its version.
    pub(crate) async fn make_next_for_test(&self, tenant: Uuid) -> i32 {
        self.forget(tenant);
        let (insert, version) = self.next(tenant).await.unwrap();
        let mut lease = Lease::begin(&self.catalog, Access::Write, Binding::Nobody).await.unwrap();
        lease.affected(StatementBuilder::build(&insert, &self.catalog.backend()), Keys::default()).await.unwrap();
        lease.commit().await.unwrap();
        version
    }
}
