//! The fence around a place: once it is up, no write of the tenant begins there, and none is under way.
//!
//! It is a row in the place itself, so it holds for every process, also one that admitted a request long ago. Only the owner
//! can put it up and take it down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use migration::DEPARTURES;
use migration::access::TENANT_SETTING;
use uuid::Uuid;

use crate::database::Database;
use crate::error::Error;
use crate::owner::Owner;
use crate::place::{Spot, fence_lock};
use crate::rows::Rows;
use crate::settings::Store;

pub(crate) struct Fence<'d> {
    database: &'d Database,
    store: Arc<Store>,
    spot: Spot,
    tenant: Uuid,
}

impl<'d> Fence<'d> {
    pub(crate) fn new(database: &'d Database, store: Arc<Store>, spot: Spot, tenant: Uuid) -> Self {
        Self { database, store, spot, tenant }
    }

    /// Ends the tenant's writes in this place. Waits, at most about this long, for those that are under way.
    pub(crate) async fn put_up(&self, patience: Duration) -> Result<(), Error> {
        let (tenant, until) = (self.tenant, Instant::now() + patience);
        let mut owner = self.owner().await?;
        if self.store.is_sqlite() {
            // A file has one writer: once this is written, nobody else writes.
            let values = format!("(x'{}')", tenant.simple());
            return owner.run(&format!("INSERT OR IGNORE INTO {DEPARTURES} (tenant_id) VALUES {values}")).await;
        }
        let table = format!("{}.{DEPARTURES}", self.spot.schema());
        owner
            .run_whole(&format!(
                "BEGIN; SET LOCAL {TENANT_SETTING} = '{tenant}';
                 INSERT INTO {table} (tenant_id) VALUES ('{tenant}') ON CONFLICT DO NOTHING; COMMIT"
            ))
            .await?;
        // Writes hold this lock, shared, until they end; one that begins after them finds the departure.
        let lock = fence_lock(tenant);
        owner
            .run(&format!(
                "SET lock_timeout = {}; SET statement_timeout = 0; SELECT pg_advisory_lock({lock}); SELECT pg_advisory_unlock({lock})",
                patience.as_millis()
            ))
            .await?;
        drop(owner);
        // A statement that found its slot did not take the lock. One that finds none any more does.
        let place = self.database.place(&self.store, self.spot);
        Rows::new(tenant, &place).close_slots(until).await
    }

    /// Lets the tenant write in this place.
    pub(crate) async fn take_down(&self) -> Result<(), Error> {
        let tenant = self.tenant;
        let mut owner = self.owner().await?;
        if self.store.is_sqlite() {
            return owner.run(&format!("DELETE FROM {DEPARTURES} WHERE tenant_id = x'{}'", tenant.simple())).await;
        }
        let table = format!("{}.{DEPARTURES}", self.spot.schema());
        owner
            .run_whole(&format!(
                "BEGIN; SET LOCAL {TENANT_SETTING} = '{tenant}'; DELETE FROM {table} WHERE tenant_id = '{tenant}'; COMMIT"
            ))
            .await
    }

    async fn owner(&self) -> Result<Owner, Error> {
        match self.spot {
            Spot::Database(tenant) => Owner::of_tenant(self.database, &self.store, tenant).await,
            Spot::Shared | Spot::Schema(_) => Owner::at(self.database, &self.store).await,
        }
    }
}
