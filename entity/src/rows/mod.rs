//! A tenant's rows as they are carried from one place to another, whatever tables they are in: for moving, exporting,
//! importing and purging.
//!
//! Every statement here names the tenant, and runs in a transaction that is bound to it, as the serving role: whoever
//! carries one tenant's rows can no more reach another's than a request can.

mod keys;
mod reading;
mod sealed;
mod sum;
mod table;
mod writing;

pub(crate) use keys::Key;
pub(crate) use reading::Batches;
pub(crate) use sum::{Summed, hex};
pub(crate) use table::{Row, TENANT, Table, tables};

use uuid::Uuid;

use crate::connection::{Access, Binding, Lease};
use crate::error::Error;
use crate::place::Place;

/// The rows of one tenant in one place.
pub(crate) struct Rows<'p> {
    tenant: Uuid,
    place: &'p Place,
}

impl<'p> Rows<'p> {
    pub(crate) fn new(tenant: Uuid, place: &'p Place) -> Self {
        Self { tenant, place }
    }

    pub(crate) fn tenant(&self) -> Uuid {
        self.tenant
    }

    pub(crate) fn place(&self) -> &'p Place {
        self.place
    }

    /// A transaction of the tenant's, also where it has left or has not yet arrived.
    pub(crate) async fn begin(&self, access: Access) -> Result<Lease, Error> {
        Lease::begin(self.place, access, Binding::Mover(self.tenant)).await
    }
}
