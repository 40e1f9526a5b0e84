//! A tenant, proven and placed: what a handler gets instead of a connection.

use std::fmt;
use std::sync::Arc;

use sea_orm::{DbBackend, QueryResult, Statement};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use crate::cache::Cache;
use crate::connection::{Access, Binding, Lease};
use crate::entities::{idempotency, post, tenant, user};
use crate::error::{Error, Keys};
use crate::place::Place;
use crate::scoped::TenantScoped;

/// The proof that a request may work inside a tenant, and where the tenant's rows are.
///
/// Only the [`Gatekeeper`](crate::Gatekeeper) makes one. It is a value that is passed along: there is no current tenant.
#[derive(Clone)]
pub struct TenantAccess {
    tenant: Arc<tenant::Model>,
    place: Arc<Place>,
    catalog: Arc<Place>,
}

impl TenantAccess {
    /// The tenant's row, where its rows are, and where its own row is.
    pub(crate) fn new(tenant: tenant::Model, place: Arc<Place>, catalog: Arc<Place>) -> Self {
        Self { tenant: Arc::new(tenant), place, catalog }
    }

    /// The tenant, as it was when the request was admitted.
    pub fn tenant(&self) -> &tenant::Model {
        &self.tenant
    }

    /// The tenant's id.
    pub fn id(&self) -> Uuid {
        self.tenant.id
    }

    /// Runs several operations as one: all of them last if `work` returns `Ok`, none if it returns `Err`, panics or is dropped.
    pub async fn transaction<T, E>(&self, work: impl AsyncFnOnce(&Transaction) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error>,
    {
        let binding = Binding::Tenant(self.id());
        let lease = Lease::begin(&self.place, Access::Write, binding).await?;
        let lease = Arc::new(Mutex::new(Some(lease)));
        let transaction = Transaction { tenant: self.id(), backend: self.place.backend(), lease };
        let outcome = work(&transaction).await;
        let lease = transaction.lease.lock().await.take();
        match (outcome, lease) {
            (Ok(value), Some(lease)) => {
                lease.commit().await?;
                Ok(value)
            }
            (Err(error), Some(mut lease)) => {
                lease.roll_back().await;
                Err(error)
            }
            (outcome, None) => outcome,
        }
    }
}

impl fmt::Debug for TenantAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantAccess({})", self.id())
    }
}

/// Several operations of one tenant that last together or not at all.
pub struct Transaction {
    tenant: Uuid,
    backend: DbBackend,
    /// Taken when the transaction ends: a scope that was kept past its end finds nothing.
    lease: Arc<Mutex<Option<Lease>>>,
}

/// Gives a type the scopes of every resource.
macro_rules! scopes {
    ($type:ty) => {
        impl $type {
            /// The tenant's members.
            pub fn users(&self) -> TenantScoped<user::Model> {
                TenantScoped::new(self.session())
            }

            /// The tenant's posts.
            pub fn posts(&self) -> TenantScoped<post::Model> {
                TenantScoped::new(self.session())
            }

            /// The first answers to the tenant's idempotency keys.
            pub fn idempotency(&self) -> TenantScoped<idempotency::Model> {
                TenantScoped::new(self.session())
            }
        }
    };
}

scopes!(TenantAccess);
scopes!(Transaction);

impl TenantAccess {
    /// The tenant's own row. It is in the catalog, wherever the tenant's rows are, and so in no transaction with them.
    pub fn tenants(&self) -> TenantScoped<tenant::Model> {
        TenantScoped::new(Session::alone(&self.tenant, &self.catalog))
    }

    fn session(&self) -> Session {
        Session::alone(&self.tenant, &self.place)
    }
}

impl Transaction {
    fn session(&self) -> Session {
        Session { tenant: self.tenant, backend: self.backend, way: Way::Joined(Arc::clone(&self.lease)) }
    }
}

/// How the operations of a scope reach the database: each in a transaction of its own, or all in one.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) tenant: Uuid,
    pub(crate) backend: DbBackend,
    way: Way,
}

#[derive(Clone)]
enum Way {
    /// With the version of the tenant's own row, by which it was found there.
    Alone(Arc<Place>, i64),
    Joined(Arc<Mutex<Option<Lease>>>),
}

impl Session {
    fn alone(tenant: &tenant::Model, place: &Arc<Place>) -> Self {
        Self { tenant: tenant.id, backend: place.backend(), way: Way::Alone(Arc::clone(place), tenant.version) }
    }

    /// The cache, and the version of the tenant's own row. None in a transaction: there, everything is read as it is now.
    pub(crate) fn cache(&self) -> Option<(&Cache, i64)> {
        match &self.way {
            Way::Alone(place, version) => Some((&place.terms.cache, *version)),
            Way::Joined(_) => None,
        }
    }

    /// Opens what one operation needs; [`Unit::finish`] ends it.
    pub(crate) async fn unit(&self, access: Access, keys: Keys) -> Result<Unit<'_>, Error> {
        let work = match &self.way {
            Way::Alone(place, _) => {
                let binding = Binding::Tenant(self.tenant);
                Work::Alone(Lease::begin(place, access, binding).await?)
            }
            Way::Joined(lease) => Work::Joined(lease.lock().await),
        };
        Ok(Unit { work, keys })
    }
}

/// The statements of one operation.
pub(crate) struct Unit<'s> {
    work: Work<'s>,
    keys: Keys,
}

enum Work<'s> {
    Alone(Lease),
    Joined(MutexGuard<'s, Option<Lease>>),
}

impl Unit<'_> {
    pub(crate) async fn rows(&mut self, statement: Statement) -> Result<Vec<QueryResult>, Error> {
        let keys = self.keys;
        let sent = self.lease()?.rows(statement, keys).await;
        self.undone_if_failed(sent).await
    }

    pub(crate) async fn affected(&mut self, statement: Statement) -> Result<u64, Error> {
        let keys = self.keys;
        let sent = self.lease()?.affected(statement, keys).await;
        self.undone_if_failed(sent).await
    }

    /// Makes the operation last, or leaves that to the transaction it is part of.
    pub(crate) async fn finish(self) -> Result<(), Error> {
        match self.work {
            Work::Alone(lease) => lease.commit().await,
            Work::Joined(_) => Ok(()),
        }
    }

    /// An ordinary refusal must not cost a connection: an operation that stands alone is rolled back at once.
    async fn undone_if_failed<T>(&mut self, sent: Result<T, Error>) -> Result<T, Error> {
        if let (Err(_), Work::Alone(lease)) = (&sent, &mut self.work) {
            lease.roll_back().await;
        }
        sent
    }

    fn lease(&mut self) -> Result<&mut Lease, Error> {
        match &mut self.work {
            Work::Alone(lease) => Ok(lease),
            Work::Joined(lease) => {
                lease.as_mut().ok_or_else(|| Error::Internal("the scope outlived its transaction".to_owned()))
            }
        }
    }
}
