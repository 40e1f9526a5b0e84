//! Who goes on with what was begun and left: tenants that are being provisioned, moves, imports, purges and
//! rotations of keys whose process died.

use std::time::Duration;

use crate::database::Database;
use crate::error::Error;
use crate::{operations, platform};

/// How often the catalog is looked at. Two statements, if there is nothing to do.
const ROUND: Duration = Duration::from_secs(5);

/// How long a tenant that is being provisioned is left to whoever entered it and has not locked it yet. Whoever is late waits
/// for the one who went on.
const YOUNG: Duration = Duration::from_secs(5);

impl Database {
    /// Goes on with what was left, now and for as long as this lives. Every process may do this: locks in the catalog keep two
    /// from being at one tenant. Does nothing without an owner, who is needed for all of it.
    pub async fn take_care(self) {
        if !self.settings.home.has_owner() {
            return;
        }
        // What a process left that is gone is taken up at once; what another one may be about to begin with is not.
        let mut age = Duration::ZERO;
        loop {
            if let Err(error) = self.round(age).await {
                tracing::warn!(%error, "what was left cannot be gone on with for now");
            }
            age = YOUNG;
            tokio::time::sleep(ROUND).await;
        }
    }

    async fn round(&self, age: Duration) -> Result<(), Error> {
        platform::finish_provisioning(self, age).await?;
        operations::resume(self).await
    }
}
