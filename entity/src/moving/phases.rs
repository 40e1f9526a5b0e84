//! The phases of a move. Each can be repeated from its beginning.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::sea_query::{Expr, ExprTrait};
use uuid::Uuid;

use super::Fence;
use crate::database::Database;
use crate::entities::operation::{self, Location, TableSum};
use crate::entities::tenant::Column;
use crate::error::Error;
use crate::guard;
use crate::operations::{Ended, Next, Noting, Record, tenant_update};
use crate::owner::{Owner, Site, TenantLock};
use crate::place::{Place, Spot};
use crate::resource::now;
use crate::rows::{Rows, Summed, tables};
use crate::settings::Store;
use crate::vocabulary::WorkState;

/// How long writes may be held. Whatever has not been carried over and compared by then is carried over while they go on.
const LONGEST_HOLD: Duration = Duration::from_secs(30);

/// How long to wait, with writes held, for those that are under way.
const WRITES_END: Duration = Duration::from_secs(5);

/// Copying ends when catching up took no longer than this: so long, about, will writes be held for it.
const SHORT: Duration = Duration::from_millis(500);

/// How often the whole is copied again at most: a tenant that writes faster than is copied must be held at last.
const PASSES: u32 = 5;

/// How often holding writes is tried before the move is given up.
const HOLDS: u32 = 3;

/// How long a move that has not come to holding writes is tried again when a server is away.
const PATIENCE: Duration = Duration::from_secs(600);

/// A move that is being done.
pub(crate) struct Move<'d> {
    database: &'d Database,
    operation: operation::Model,
    lock: TenantLock,
    source: Side,
    target: Side,
    holds: u32,
    /// What has been summed up so far, in the order of the tables.
    sums: Vec<Sides>,
}

/// A table, summed up on both sides between the same ids.
struct Sides {
    bounds: Vec<Uuid>,
    source: Summed,
    target: Summed,
}

/// One end of a move.
struct Side {
    store: Arc<Store>,
    spot: Spot,
    place: Arc<Place>,
}

impl Side {
    fn new(database: &Database, location: &Location, tenant: Uuid) -> Result<Self, Error> {
        let store = database.store(location.datastore.as_deref())?;
        let spot = Spot::of(location.isolation, tenant);
        let place = database.place(&store, spot);
        Ok(Self { store, spot, place })
    }

    fn fence<'d>(&self, database: &'d Database, tenant: Uuid) -> Fence<'d> {
        Fence::new(database, Arc::clone(&self.store), self.spot, tenant)
    }
}

impl<'d> Move<'d> {
    pub(crate) fn new(database: &'d Database, operation: operation::Model, lock: TenantLock) -> Result<Self, Error> {
        let tenant = operation.tenant_id;
        let source = Side::new(database, &operation.source, tenant)?;
        let target = Side::new(database, &operation.target, tenant)?;
        Ok(Self { database, operation, lock, source, target, holds: 0, sums: Vec::new() })
    }

    /// Does one phase after the other.
    pub(crate) async fn go_on(&mut self, has_waited: bool) -> Result<Next, Error> {
        while self.operation.state == WorkState::Running {
            let has_switched = self.operation.phase == "cleaning";
            if has_switched && !has_waited {
                // Whoever was admitted to the old place, before or by a name from before, is there no more after this.
                let database = self.database;
                return Ok(Next::After(database.settings.request_timeout + database.cache.oldest_name()));
            }
            if let Err(error) = self.next().await {
                self.failed(error).await?;
                let operation = &self.operation;
                let (id, phase) = (operation.id, &operation.phase);
                tracing::warn!(operation = %id, phase, error = operation.error, "a move fell back");
            }
        }
        Ok(Next::Nothing)
    }

    /// Does the phase that the operation is in.
    async fn next(&mut self) -> Result<(), Error> {
        self.database.settings.steps.reach(&self.operation.phase).await;
        // Nothing is done without the lock: another one may have gone on with this.
        self.lock.check().await?;
        match self.operation.phase.as_str() {
            "preparing" => {
                self.check_apart().await?;
                self.check_source().await?;
                self.enter("making").await
            }
            "making" => self.make().await,
            "copying" => self.copy().await,
            "holding" => self.hold().await,
            "cleaning" => self.clean().await,
            "reverting" => self.revert().await,
            other => Err(Error::Internal(format!("a move has no phase {other}"))),
        }
    }

    /// What becomes of a failure: before the tenant has moved, everything goes back to how it was; afterwards it is
    /// tried again later.
    async fn failed(&mut self, error: Error) -> Result<(), Error> {
        let phase = self.operation.phase.clone();
        self.operation.error = Some(error.to_string());
        match phase.as_str() {
            "holding" if self.holds < HOLDS && may_pass(&error) => {
                self.release().await?;
                self.enter("copying").await?;
            }
            "preparing" | "making" | "copying" if may_pass(&error) && self.is_young() => {
                Record::note(self.database, &self.operation).await?;
                return Err(error);
            }
            // Nothing has been made that could be destroyed.
            "preparing" => self.end(Ended::Badly).await?,
            "making" | "copying" | "holding" => self.enter("reverting").await?,
            _ => {
                Record::note(self.database, &self.operation).await?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Whether it is too early to give up because something is away.
    fn is_young(&self) -> bool {
        (now() - self.operation.created_at).to_std().is_ok_and(|age| age < PATIENCE)
    }

    /// Makes the target and empties it.
    async fn make(&mut self) -> Result<(), Error> {
        let (database, tenant) = (self.database, self.operation.tenant_id);
        let site = Site::new(database, Arc::clone(&self.target.store), self.target.spot);
        let mut own = None;
        site.raise(Owner::beside(database, &self.target.store, &mut self.lock, &mut own).await?).await?;
        drop(own);
        database.settings.steps.reach("target made").await;
        let wrong = guard::examine_place(&self.target.place).await?;
        if !wrong.is_empty() {
            return Err(Error::NotPossible(format!("the target does not keep tenants apart: {}", wrong.join("; "))));
        }
        self.target.fence(database, tenant).take_down().await?;
        let source = Rows::new(tenant, &self.source.place);
        self.operation.progress.rows = 0;
        for table in tables() {
            self.operation.progress.rows += source.count(&table).await?;
        }
        self.enter("copying").await
    }

    /// Two names may stand for one server: what would be copied onto itself would then be destroyed.
    async fn check_apart(&mut self) -> Result<(), Error> {
        if self.source.store.is_sqlite() {
            return Ok(());
        }
        let mut identities = Vec::new();
        for side in [&self.source, &self.target] {
            let mut owner = Owner::at(self.database, &side.store).await?;
            let sql = "SELECT system_identifier::text || '/' || current_database() FROM pg_control_system()";
            let identity = owner.texts(sql).await?.pop().unwrap_or_default();
            let cluster = identity.split('/').next().unwrap_or_default().to_owned();
            identities.push(match side.spot {
                Spot::Database(_) => cluster,
                Spot::Shared | Spot::Schema(_) => format!("{identity}/{}", side.spot.schema()),
            });
        }
        if identities[0] == identities[1] {
            return Err(Error::NotPossible("both places are the same: the datastores are one server".to_owned()));
        }
        Ok(())
    }

    /// What is not there cannot be copied.
    async fn check_source(&mut self) -> Result<(), Error> {
        let site = Site::new(self.database, Arc::clone(&self.source.store), self.source.spot);
        let mut own = None;
        let base = Owner::beside(self.database, &self.source.store, &mut self.lock, &mut own).await?;
        if site.exists(base).await? { Ok(()) } else { Err(Error::NoPlace("it was to be moved from there".to_owned())) }
    }

    /// Copies while the tenant works, until what is left is little.
    async fn copy(&mut self) -> Result<(), Error> {
        for pass in 1..=PASSES {
            let began = Instant::now();
            match self.follow().await {
                Ok(()) if began.elapsed() < SHORT => break,
                Ok(()) => {}
                // A row changed between two tables: the next pass finds it.
                Err(Error::Conflict { .. } | Error::MissingReference { .. } | Error::Internal(_)) if pass < PASSES => {}
                Err(error) => return Err(error),
            }
        }
        self.sum_up().await?;
        self.enter("holding").await
    }

    /// Sums up every row on both sides. Of what was summed up before, only what has changed since is read: so most of it is
    /// read while writes go on.
    async fn sum_up(&mut self) -> Result<(), Error> {
        let tenant = self.operation.tenant_id;
        let (source, target) = (Rows::new(tenant, &self.source.place), Rows::new(tenant, &self.target.place));
        let mut before = std::mem::take(&mut self.sums).into_iter();
        for table in tables() {
            let (bounds, there, here) = match before.next() {
                Some(Sides { bounds, source, target }) => (bounds, Some(source), Some(target)),
                None => (source.bounds(&table).await?, None, None),
            };
            let there = source.summed(&table, &bounds, there.as_ref());
            let here = target.summed(&table, &bounds, here.as_ref());
            let (there, here) = futures_util::future::join(there, here).await;
            self.sums.push(Sides { bounds, source: there?, target: here? });
        }
        Ok(())
    }

    /// Holds writes, carries the last changes over, compares, and sends the tenant to its new place.
    async fn hold(&mut self) -> Result<(), Error> {
        self.holds += 1;
        let (database, tenant) = (self.database, self.operation.tenant_id);
        let began = Instant::now();
        let held = tenant_update(tenant, vec![(Column::WritesHeld, Expr::val(true))]);
        Record::enter(database, &mut self.operation, "holding", vec![held]).await?;
        database.settings.steps.reach("writes told").await;
        self.source.fence(database, tenant).put_up(WRITES_END).await?;
        database.settings.steps.reach("writes held").await;
        let compared = tokio::time::timeout(LONGEST_HOLD, self.catch_up_and_compare()).await;
        let sums = compared.map_err(|_| Error::Timeout)??;
        self.operation.progress.compared = sums.iter().map(|sum| sum.rows).sum();
        self.operation.progress.tables = sums;
        self.operation.progress.held_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        database.settings.steps.reach("compared").await;
        self.lock.check().await?;
        self.switch().await
    }

    async fn catch_up_and_compare(&mut self) -> Result<Vec<TableSum>, Error> {
        self.follow().await?;
        self.database.settings.steps.reach("caught up").await;
        self.sum_up().await?;
        let mut sums = Vec::new();
        for (table, sides) in tables().iter().zip(&self.sums) {
            let (there, here) = (sides.source.total(table), sides.target.total(table));
            if there != here {
                return Err(Error::NotPossible(format!(
                    "the copies of {} differ: {} and {} rows",
                    there.table, there.rows, here.rows
                )));
            }
            sums.push(there);
        }
        let tenant = self.operation.tenant_id;
        let (source, target) = (Rows::new(tenant, &self.source.place), Rows::new(tenant, &self.target.place));
        // The rows are the same, and nobody writes.
        target.carry_tally(&source).await?;
        Ok(sums)
    }

    /// The one change that moves the tenant.
    async fn switch(&mut self) -> Result<(), Error> {
        let target = self.operation.target.clone();
        let moved = tenant_update(
            self.operation.tenant_id,
            vec![
                (Column::Isolation, Expr::val(target.isolation.as_str())),
                (Column::Datastore, Expr::val(target.datastore)),
                (Column::SchemaVersion, Expr::val(crate::platform::newest_schema())),
                (Column::WritesHeld, Expr::val(false)),
                (Column::Version, Expr::col(Column::Version).add(1_i64)),
                (Column::UpdatedAt, Expr::val(now())),
            ],
        );
        Record::enter(self.database, &mut self.operation, "cleaning", vec![moved]).await?;
        self.database.settings.steps.reach("switched").await;
        Ok(())
    }

    /// Destroys the source, in which nobody is any more.
    async fn clean(&mut self) -> Result<(), Error> {
        self.destroy(true).await?;
        self.database.settings.steps.reach("source destroyed").await;
        self.end(Ended::Well).await
    }

    /// Everything as it was before.
    async fn revert(&mut self) -> Result<(), Error> {
        self.release().await?;
        self.database.settings.steps.reach("writes released").await;
        // What is destroyed now must not be where the tenant is.
        self.check_apart().await?;
        self.destroy(false).await?;
        self.end(Ended::Badly).await
    }

    /// Lets the tenant write again where it is.
    async fn release(&mut self) -> Result<(), Error> {
        let (database, tenant) = (self.database, self.operation.tenant_id);
        match self.source.fence(database, tenant).take_down().await {
            // The place is gone, and its fence with it: nobody is kept out of it any more.
            Err(Error::NoPlace(_) | Error::NoTable(_)) => {}
            down => down?,
        }
        let released = tenant_update(tenant, vec![(Column::WritesHeld, Expr::val(false))]);
        let phase = self.operation.phase.clone();
        Record::enter(database, &mut self.operation, &phase, vec![released]).await
    }

    /// Destroys what one side has of the tenant. In shared tables, the fence stays.
    async fn destroy(&mut self, is_source: bool) -> Result<(), Error> {
        let (database, tenant) = (self.database, self.operation.tenant_id);
        let side = if is_source { &self.source } else { &self.target };
        let mut own = None;
        if side.spot == Spot::Shared {
            side.fence(database, tenant).put_up(WRITES_END).await?;
            return Rows::new(tenant, &side.place).delete_all().await;
        }
        let site = Site::new(database, Arc::clone(&side.store), side.spot);
        site.destroy(Owner::beside(database, &side.store, &mut self.lock, &mut own).await?).await
    }

    /// Makes the target like the source, table by table.
    async fn follow(&mut self) -> Result<(), Error> {
        let tenant = self.operation.tenant_id;
        let source = Rows::new(tenant, &self.source.place);
        let target = Rows::new(tenant, &self.target.place);
        let mut noting = Noting::new(self.database, &mut self.operation, "batch copied");
        for table in tables() {
            target.follow(&source, &table, &mut noting).await?;
        }
        Record::note(self.database, &self.operation).await
    }

    async fn enter(&mut self, phase: &str) -> Result<(), Error> {
        Record::enter(self.database, &mut self.operation, phase, Vec::new()).await
    }

    async fn end(&mut self, ended: Ended) -> Result<(), Error> {
        Record::end(self.database, &mut self.operation, ended, Vec::new()).await
    }
}

/// Whether the same may succeed when it is tried again.
fn may_pass(error: &Error) -> bool {
    matches!(error, Error::Busy | Error::Timeout | Error::Unavailable(_))
}
