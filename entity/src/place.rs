//! Places: where a tenant's rows are, and how connections get there.

use std::sync::Arc;

use sea_orm::DbBackend;
use uuid::Uuid;

use crate::connection::{Access, Connections, PoolKey, Terms, Use};
use crate::settings::{Store, own_name};
use crate::vocabulary::Isolation;

/// Where rows are, and how transactions on them are run.
pub(crate) struct Place {
    pub(crate) connections: Arc<Connections>,
    pub(crate) store: Arc<Store>,
    pub(crate) spot: Spot,
    pub(crate) party: Caller,
    pub(crate) terms: Arc<Terms>,
}

/// Where in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Spot {
    /// The store's own tables: the catalog at home, and what tenants share.
    Shared,
    /// The schema of a tenant's own.
    Schema(Uuid),
    /// The database of a tenant's own.
    Database(Uuid),
}

/// On whose connections a place is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    Serving,
    Platform,
}

impl Spot {
    /// Where the tenant's rows are under this isolation.
    pub(crate) fn of(isolation: Isolation, tenant: Uuid) -> Self {
        match isolation {
            Isolation::Shared => Self::Shared,
            Isolation::Schema => Self::Schema(tenant),
            Isolation::Database => Self::Database(tenant),
        }
    }

    /// The tenant whose own database it is in.
    pub(crate) fn database(self) -> Option<Uuid> {
        match self {
            Self::Database(tenant) => Some(tenant),
            Self::Shared | Self::Schema(_) => None,
        }
    }

    /// The schema's name on PostgreSQL.
    pub(crate) fn schema(self) -> String {
        match self {
            Self::Schema(tenant) => own_name(tenant),
            Self::Shared | Self::Database(_) => "public".to_owned(),
        }
    }
}

impl Place {
    pub(crate) fn backend(&self) -> DbBackend {
        if self.store.is_sqlite() { DbBackend::Sqlite } else { DbBackend::Postgres }
    }

    /// The pool whose connections can do this.
    pub(crate) fn pool(&self, access: Access) -> PoolKey {
        let purpose = match (self.party, access) {
            _ if self.store.is_sqlite() => {
                if access == Access::Write {
                    Use::Writing
                } else {
                    Use::Serving
                }
            }
            (Caller::Platform, _) => Use::Platform,
            (Caller::Serving, _) => Use::Serving,
        };
        PoolKey { store: self.store.key(), tenant: self.spot.database(), purpose }
    }

    /// Whether the catalog's tables are here too.
    pub(crate) fn has_catalog(&self) -> bool {
        self.spot == Spot::Shared && self.store.name().is_none()
    }

    /// The same database, with the usual schema bound.
    pub(crate) fn without_schema(&self) -> Self {
        let spot = if let Spot::Schema(_) = self.spot { Spot::Shared } else { self.spot };
        Self {
            connections: Arc::clone(&self.connections),
            store: Arc::clone(&self.store),
            spot,
            party: self.party,
            terms: self.terms.clone(),
        }
    }

    /// The schema to bind, where it is not the usual one.
    pub(crate) fn schema(&self) -> Option<String> {
        matches!(self.spot, Spot::Schema(_)).then(|| self.spot.schema())
    }
}

/// The number under which writes of a tenant, shared, and whoever ends them, alone, lock each other out.
pub(crate) fn fence_lock(tenant: Uuid) -> i64 {
    let (_, low) = tenant.as_u64_pair();
    i64::from_ne_bytes(low.to_ne_bytes())
}
