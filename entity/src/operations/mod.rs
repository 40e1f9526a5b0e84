//! Long work on a tenant: moves, imports, purges and new keys.
//!
//! What is to be done and how far it is stands in the catalog's `operations`. It is done phase by phase, each of which can be
//! repeated: work whose process died is taken up by whoever finds it, and a lock keeps two from being at one tenant.

mod noting;
mod record;
mod runner;

use uuid::Uuid;

use crate::database::Database;
use crate::entities::operation;
use crate::error::Error;
use crate::platform::Platform;
use crate::vocabulary::WorkState;

pub(crate) use noting::{Noting, Told};
pub(crate) use record::{
    Beginning, Ended, Record, begins_in, is_being_purged, new as new_operation, running_of, tenant_update,
};
pub(crate) use runner::{AtWork, Next, run};

impl Platform<'_> {
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

    pub(crate) fn go_on(&self, operation: operation::Model) -> operation::Model {
        let (database, id) = (self.database().clone(), operation.id);
        self.database().spawn(async move { run(&database, id).await });
        operation
    }
}

/// Only one operation of a tenant is under way at a time.
pub(crate) fn another_is_under_way(other: &operation::Model) -> Error {
    Error::NotPossible(format!("another operation is under way: {} {}", other.kind, other.id))
}

/// Goes on with every operation that nobody is at.
pub(crate) async fn resume(database: &Database) -> Result<(), Error> {
    for operation in record::running(database).await? {
        let resumed = database.clone();
        database.spawn(async move { run(&resumed, operation.id).await });
    }
    Ok(())
}
