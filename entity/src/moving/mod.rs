//! Moving a tenant from any place to any other while it works.
//!
//! The rows are copied while the tenant goes on reading and writing, and copied again where they changed meanwhile. Then
//! its writes are held for a moment: the last changes are carried over, every row on both sides is counted and summed up, and
//! if they are the same, one change of the catalog sends the tenant to its new place. The old one is destroyed after every
//! request that was admitted to it has ended. If anything is not as it should be before that one change, writes go on where they
//! were and the new place is destroyed.

mod fence;
mod phases;

use serde_json::json;
use uuid::Uuid;

use crate::entities::operation::{self, Location};
use crate::entities::tenant;
use crate::error::Error;
use crate::operations::{Beginning, Record, another_is_under_way, begins_in, running_of};
use crate::platform::{Platform, newest_schema};
use crate::vocabulary::OperationKind;

pub(crate) use fence::Fence;
pub(crate) use phases::Move;

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
        if !begins_in(OperationKind::Move).contains(&tenant.status) {
            return Err(Error::NotPossible(format!("a tenant that is {} cannot be moved", tenant.status)));
        }
        if source == target {
            return Err(Error::NotPossible("the tenant is there already".to_owned()));
        }
        check_known(&tenant)?;
        self.check_owner(&source)?;
        let detail = json!({ "from": source, "to": target });
        let (kind, action) = (OperationKind::Move, "tenant.move");
        let beginning = Beginning { kind, source, target, action, detail, also: Vec::new() };
        let record = Record::begin(self, id, beginning).await?;
        Ok(self.go_on(record))
    }

    fn take_up(&self, under_way: operation::Model, target: &Location) -> Result<operation::Model, Error> {
        if under_way.kind == OperationKind::Move && under_way.target == *target {
            return Ok(self.go_on(under_way));
        }
        Err(another_is_under_way(&under_way))
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
