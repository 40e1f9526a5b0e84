//! Moving a tenant from any place to any other while it works.
//!
//! The rows are copied while the tenant goes on reading and writing, and copied again where they changed meanwhile. Then
//! its writes are held for a moment: the last changes are carried over, every row on both sides is counted and summed up, and
//! if they are the same, one change of the catalog sends the tenant to its new place. The old one is destroyed after every
//! request that was admitted to it has ended. If anything is not as it should be before that one change, writes go on where they
//! were and the new place is destroyed.
//!
//! What has been done is in the catalog's `operations`; each phase can be repeated. A move whose process died is taken up by
//! whoever finds it, and a lock keeps two from working on one tenant.

mod fence;
mod phases;
mod record;
mod runner;

use record::running;
use serde_json::json;
use uuid::Uuid;

use crate::database::Database;
use crate::entities::operation::{self, Location};
use crate::entities::tenant;
use crate::error::Error;
use crate::platform::{Platform, newest_schema};
use crate::vocabulary::WorkState;

pub(crate) use fence::Fence;
pub(crate) use record::{Beginning, Kind, Record, is_being_purged, new as new_operation, running_of};
pub(crate) use runner::{AtWork, done, run};

impl Platform<'_> {
    /// Begins to move a tenant. The operation goes on by itself, here or, if this process dies, in another one.
    ///
    /// Asking again for a move that is under way answers with that one.
    pub async fn tenant_move(&self, id: Uuid, target: Location) -> Result<operation::Model, Error> {
        self.check_placement(target.isolation, target.datastore.as_deref())?;
        let tenant =
            self.tenant_by_id(id).await?.ok_or_else(|| Error::NotPossible("there is no such tenant".to_owned()))?;
        let source = location(&tenant);
        if let Some(under_way) = running_of(self.database(), id).await? {
            return self.take_up(under_way, &target);
        }
        if !Kind::Move.begins_in().contains(&tenant.status) {
            return Err(Error::NotPossible(format!("a tenant that is {} cannot be moved", tenant.status)));
        }
        if source == target {
            return Err(Error::NotPossible("the tenant is there already".to_owned()));
        }
        check_known(&tenant)?;
        self.check_owner(&source)?;
        let detail = json!({ "from": source, "to": target });
        let (kind, action) = (Kind::Move, "tenant.move");
        let beginning = Beginning { kind, source, target, action, detail, also: Vec::new() };
        let record = Record::begin(self, id, beginning).await?;
        Ok(self.go_on(record))
    }

    /// The operation with this id.
    pub async fn operation_find(&self, id: Uuid) -> Result<Option<operation::Model>, Error> {
        record::find(self.database(), id).await
    }

    /// Goes on with an operation that is under way, unless somebody is at it.
    pub fn operation_resume(&self, operation: &operation::Model) {
        if operation.state == WorkState::Running {
            self.go_on(operation.clone());
        }
    }

    fn take_up(&self, under_way: operation::Model, target: &Location) -> Result<operation::Model, Error> {
        if under_way.kind == Kind::Move.as_str() && under_way.target == *target {
            return Ok(self.go_on(under_way));
        }
        Err(Error::NotPossible(format!("another operation is under way: {} {}", under_way.kind, under_way.id)))
    }

    pub(crate) fn go_on(&self, operation: operation::Model) -> operation::Model {
        let (database, id) = (self.database().clone(), operation.id);
        self.database().spawn(async move { run(&database, id).await });
        operation
    }

    /// Moving out of a place takes its owner too.
    fn check_owner(&self, source: &Location) -> Result<(), Error> {
        let store = self.database().store(source.datastore.as_deref())?;
        if store.has_owner() {
            return Ok(());
        }
        Err(Error::NotPossible("this process has no DATABASE_OWNER_URL, so it can move nobody".to_owned()))
    }
}

/// What a newer version has put into a tenant's tables, this one would leave behind.
pub(crate) fn check_known(tenant: &tenant::Model) -> Result<(), Error> {
    if tenant.schema_version <= newest_schema() {
        return Ok(());
    }
    Err(Error::NotPossible("the tenant's tables are newer than this version of the program".to_owned()))
}

pub(crate) fn location(tenant: &tenant::Model) -> Location {
    Location { isolation: tenant.isolation, datastore: tenant.datastore.clone() }
}

/// Goes on with every operation that nobody is at.
pub(crate) async fn resume(database: &Database) -> Result<(), Error> {
    for operation in running(database).await? {
        let resumed = database.clone();
        database.spawn(async move { run(&resumed, operation.id).await });
    }
    Ok(())
}
