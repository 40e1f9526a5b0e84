//! A tenant's key changed, or its rows sealed for the first time: long work, done while the tenant works.
//!
//! The new key is in the catalog before the operation begins, so whoever asks for the newest seals with it. Other processes may
//! have the one before at hand for a while; it goes on to open what it sealed. Once all rows are sealed again, that while is
//! waited for, what was written in it is sealed again, and only then is the old key retired. It stays, to open what a backup
//! may bring back, until the tenant is purged.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::resealing::{count_others, reseal};
use super::{DataKey, catalog};
use crate::database::Database;
use crate::entities::operation;
use crate::error::Error;
use crate::moving::location;
use crate::operations::{Beginning, Ended, Next, Noting, Record, another_is_under_way, begins_in, running_of};
use crate::owner::TenantLock;
use crate::place::Place;
use crate::platform::{Platform, tenant_by_id};
use crate::resource::now;
use crate::vocabulary::{OperationKind as Kind, WorkState};

impl Platform<'_> {
    /// Gives the tenant a new data key, at once, and begins to seal its rows with it. Asking again while that is under way
    /// answers with the same operation.
    pub async fn tenant_rotate_key(&self, id: Uuid) -> Result<operation::Model, Error> {
        self.reseal(id, Kind::Rotate, "tenant.keys.rotate").await
    }

    /// Begins to seal those of the tenant's rows that are not sealed with its newest key.
    pub async fn tenant_encrypt(&self, id: Uuid) -> Result<operation::Model, Error> {
        self.reseal(id, Kind::Encrypt, "tenant.keys.encrypt").await
    }

    async fn reseal(&self, id: Uuid, kind: Kind, action: &'static str) -> Result<operation::Model, Error> {
        let database = self.database();
        database.keys.ring()?;
        if !database.settings.home.has_owner() {
            let why = "this process has no DATABASE_OWNER_URL, so it cannot keep others from the tenant's place";
            return Err(Error::NotPossible(why.to_owned()));
        }
        let tenant =
            self.tenant_by_id(id).await?.ok_or_else(|| Error::NotPossible("there is no such tenant".to_owned()))?;
        if let Some(under_way) = running_of(database, id).await? {
            return self.taken_up(under_way, kind);
        }
        if !begins_in(kind).contains(&tenant.status) {
            return Err(Error::NotPossible(format!("the rows of a tenant that is {} cannot be sealed", tenant.status)));
        }
        let also = if kind == Kind::Rotate { vec![database.keys.next(id).await?.0] } else { Vec::new() };
        let place = location(&tenant);
        let beginning = Beginning { kind, source: place.clone(), target: place, action, detail: json!({}), also };
        let record = Record::begin(self, id, beginning).await.map_err(|error| match error {
            // Somebody made the tenant's next key at the same time.
            Error::Conflict { .. } => Error::Busy,
            other => other,
        })?;
        database.keys.forget(id);
        Ok(self.go_on(record))
    }

    fn taken_up(&self, under_way: operation::Model, kind: Kind) -> Result<operation::Model, Error> {
        if under_way.kind == kind {
            return Ok(self.go_on(under_way));
        }
        Err(another_is_under_way(&under_way))
    }
}

/// A rotation, or a first sealing, that is being done.
pub(crate) struct Rotation<'d> {
    database: &'d Database,
    operation: operation::Model,
    lock: TenantLock,
}

impl<'d> Rotation<'d> {
    pub(crate) fn new(database: &'d Database, operation: operation::Model, lock: TenantLock) -> Self {
        Self { database, operation, lock }
    }

    /// Does one phase after the other. Each can be repeated.
    pub(crate) async fn go_on(&mut self, has_waited: bool) -> Result<Next, Error> {
        while self.operation.state == WorkState::Running {
            if self.operation.phase == "waiting" && !has_waited {
                self.database.settings.steps.reach("waiting").await;
                return Ok(Next::After(self.others_may_lag()));
            }
            if let Err(error) = self.next().await {
                self.failed(error).await?;
            }
        }
        Ok(Next::Nothing)
    }

    async fn next(&mut self) -> Result<(), Error> {
        self.database.settings.steps.reach(&self.operation.phase).await;
        self.lock.check().await?;
        match self.operation.phase.as_str() {
            "preparing" => self.prepare().await,
            "sealing" => {
                self.reseal().await?;
                if self.operation.kind == Kind::Encrypt { self.end().await } else { self.enter("waiting").await }
            }
            "waiting" => self.enter("checking").await,
            "checking" => {
                self.reseal().await?;
                self.end().await
            }
            other => Err(Error::Internal(format!("a rotation has no phase {other}"))),
        }
    }

    /// For how long another process, and a request in it, may go on to seal with the key before.
    fn others_may_lag(&self) -> Duration {
        self.database.keys.lifetime() + self.database.settings.request_timeout
    }

    async fn prepare(&mut self) -> Result<(), Error> {
        let (place, newest) = (self.place().await?, self.newest().await?);
        self.operation.progress.rows = count_others(self.operation.tenant_id, &place, newest.version).await?;
        self.enter("sealing").await
    }

    /// Until nothing is left: what was written meanwhile is found the next time.
    async fn reseal(&mut self) -> Result<(), Error> {
        let (database, tenant, place) = (self.database, self.operation.tenant_id, self.place().await?);
        let newest = self.newest().await?;
        let mut noting = Noting::new(database, &mut self.operation, "row sealed");
        while reseal(tenant, &place, &database.keys, &newest, &mut noting).await? > 0 {
            self.lock.check().await?;
        }
        Record::note(database, &self.operation).await
    }

    /// The keys before the newest have nothing to open any more. A first sealing retires none: nobody has waited.
    async fn end(&mut self) -> Result<(), Error> {
        let tenant = self.operation.tenant_id;
        let retires = self.operation.kind == Kind::Rotate;
        let also =
            if retires { vec![catalog::retiring(tenant, self.newest().await?.version, now())] } else { Vec::new() };
        Record::end(self.database, &mut self.operation, Ended::Well, also).await?;
        self.database.keys.forget(tenant);
        Ok(())
    }

    /// What may pass is tried again later. Otherwise the work ends here: the new key stays the newest, and the old ones open
    /// what they sealed.
    async fn failed(&mut self, error: Error) -> Result<(), Error> {
        self.operation.error = Some(error.to_string());
        if matches!(error, Error::Busy | Error::Timeout | Error::Unavailable(_) | Error::Moving) {
            Record::note(self.database, &self.operation).await?;
            return Err(error);
        }
        Record::end(self.database, &mut self.operation, Ended::Badly, Vec::new()).await
    }

    async fn place(&self) -> Result<Arc<Place>, Error> {
        let tenant = tenant_by_id(self.database, self.operation.tenant_id).await?;
        let tenant = tenant.ok_or_else(|| Error::NotPossible("the tenant is gone".to_owned()))?;
        self.database.place_of(&tenant)
    }

    /// As the catalog has it: what is at hand here may be from before the operation began.
    async fn newest(&self) -> Result<Arc<DataKey>, Error> {
        self.database.keys.newest(self.operation.tenant_id).await
    }

    async fn enter(&mut self, phase: &str) -> Result<(), Error> {
        Record::enter(self.database, &mut self.operation, phase, Vec::new()).await
    }
}
