//! A tenant, proven and placed: what a handler gets instead of a connection.

use std::fmt;
use std::sync::Arc;

use sea_orm::{DbBackend, QueryResult, Statement};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use crate::cache::Cache;
use crate::connection::{Access, Begun, Binding, Lease, Standing};
use crate::database::Database;
use crate::encryption::Keyring;
use crate::entities::{idempotency, post, tenant, user};
use crate::error::{Error, Keys};
use crate::place::Place;
use crate::scoped::TenantScoped;
use crate::tally::{Added, Pending};

/// The proof that a request may work inside a tenant, and where the tenant's rows are.
///
/// Only the [`Gatekeeper`](crate::Gatekeeper) makes one. It is a value that is passed along: there is no current tenant.
#[derive(Clone)]
pub struct TenantAccess {
    tenant: Arc<tenant::Model>,
    place: Arc<Place>,
    catalog: Arc<Place>,
    keys: Arc<Keyring>,
}

impl TenantAccess {
    /// The tenant's row, and where its rows are.
    pub(crate) fn new(tenant: impl Into<Arc<tenant::Model>>, place: Arc<Place>, database: &Database) -> Self {
        let (catalog, keys) = (Arc::clone(&database.serving), Arc::clone(&database.keys));
        Self { tenant: tenant.into(), place, catalog, keys }
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
        // Made now if there is none: that is a write to the catalog, which cannot be had while an SQLite file is written to.
        self.keys.sealing(self.id()).await?;
        let mut lease = Lease::begin(&self.place, Access::Write, binding).await?;
        lease.count_for(self.id(), &self.tenant.limits);
        let lease = Arc::new(Mutex::new(Some(lease)));
        let keys = Arc::clone(&self.keys);
        let transaction = Transaction { tenant: self.id(), backend: self.place.backend(), keys, lease };
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
    keys: Arc<Keyring>,
    /// Taken when the transaction ends: a scope that was kept past its end finds nothing.
    lease: Arc<Mutex<Option<Lease>>>,
}

/// Declares the scopes of every resource.
macro_rules! scopes {
    (@of $type:ty: $($(#[$doc:meta])+ $name:ident: $row:ty;)+) => {
        impl $type {
            $($(#[$doc])+ pub fn $name(&self) -> TenantScoped<$row> {
                TenantScoped::new(self.session())
            })+
        }

        impl Scopes for $type {
            $(fn $name(&self) -> TenantScoped<$row> {
                self.$name()
            })+
        }
    };
    ($($(#[$doc:meta])+ $name:ident: $row:ty;)+) => {
        /// Where a tenant's rows can be reached: each operation by itself, or all in one transaction.
        pub trait Scopes {
            $($(#[$doc])+ fn $name(&self) -> TenantScoped<$row>;)+
        }

        scopes!(@of TenantAccess: $($(#[$doc])+ $name: $row;)+);
        scopes!(@of Transaction: $($(#[$doc])+ $name: $row;)+);
    };
}

scopes! {
    /// The tenant's members.
    users: user::Model;
    /// The tenant's posts.
    posts: post::Model;
    /// The first answers to the tenant's idempotency keys.
    idempotency: idempotency::Model;
}

impl TenantAccess {
    /// The tenant's own row. It is in the catalog, wherever the tenant's rows are, and so in no transaction with them.
    pub fn tenants(&self) -> TenantScoped<tenant::Model> {
        TenantScoped::new(Session::alone(&self.tenant, &self.catalog, &self.keys))
    }

    fn session(&self) -> Session {
        Session::alone(&self.tenant, &self.place, &self.keys)
    }

    #[cfg(test)]
    pub(crate) async fn deviation_for_test(&self) -> Result<crate::Recounted, Error> {
        crate::tally::deviation(&self.place, self.id()).await
    }
}

impl Transaction {
    fn session(&self) -> Session {
        let (keys, way) = (Arc::clone(&self.keys), Way::Joined(Arc::clone(&self.lease)));
        Session { tenant: self.tenant, backend: self.backend, keys, way }
    }
}

/// How the operations of a scope reach the database: each in a transaction of its own, or all in one.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) tenant: Uuid,
    pub(crate) backend: DbBackend,
    pub(crate) keys: Arc<Keyring>,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Alone(Arc<Place>, Arc<tenant::Model>),
    Joined(Arc<Mutex<Option<Lease>>>),
}

impl Session {
    fn alone(tenant: &Arc<tenant::Model>, place: &Arc<Place>, keys: &Arc<Keyring>) -> Self {
        let way = Way::Alone(Arc::clone(place), Arc::clone(tenant));
        Self { tenant: tenant.id, backend: place.backend(), keys: Arc::clone(keys), way }
    }

    /// The cache, and the version of the tenant's own row, by which it was found there. None in a transaction: there, everything
    /// is read as it is now; and none where rows are never kept.
    pub(crate) fn cache(&self) -> Option<(&Cache, i64)> {
        match &self.way {
            Way::Alone(place, tenant) if place.terms.cache.keeps_rows() => Some((&place.terms.cache, tenant.version)),
            Way::Alone(..) | Way::Joined(_) => None,
        }
    }

    /// Runs one reading statement, made when it is known whether it stands alone.
    pub(crate) async fn read(
        &self,
        keys: Keys,
        statement: impl Fn(Standing) -> Result<Statement, Error>,
    ) -> Result<Vec<QueryResult>, Error> {
        match &self.way {
            Way::Alone(place, _) => Lease::read_as(place, self.tenant, keys, statement).await,
            Way::Joined(_) => {
                let mut unit = self.unit(Access::Read, keys).await?;
                unit.rows(statement(Standing::InTransaction)?).await
            }
        }
    }

    /// Inserts a row with a new id, by one statement that is made when it is known whether it stands alone, and counts what that adds.
    pub(crate) async fn insert(
        &self,
        keys: Keys,
        added: Option<Added>,
        statement: impl Fn(Standing) -> Result<Statement, Error>,
    ) -> Result<(), Error> {
        match &self.way {
            Way::Alone(place, tenant) => {
                let mut pending = Pending::new(self.tenant, tenant.limits.clone());
                added.into_iter().for_each(|added| pending.add(added));
                Lease::insert(place, pending, keys, statement).await
            }
            Way::Joined(_) => {
                let mut unit = self.unit(Access::Write, keys).await?;
                unit.affected(statement(Standing::InTransaction)?).await?;
                added.map_or(Ok(()), |added| unit.count(added))
            }
        }
    }

    /// Changes one row by a statement that stands alone. If there can be no such statement, or
    /// if it changes nothing, opens what [`unit`](Self::unit) does, to find out. `grows` if it may add bytes to the tenant's.
    pub(crate) async fn change_or_unit(
        &self,
        keys: Keys,
        grows: bool,
        alone: impl Fn(Standing) -> Result<Statement, Error>,
    ) -> Result<Changing<'_>, Error> {
        let (place, tenant) = match &self.way {
            Way::Alone(place, tenant) if !(grows && tenant.limits.storage_bytes.is_some()) => (place, tenant),
            Way::Alone(..) | Way::Joined(_) => return self.unit(Access::Write, keys).await.map(Changing::Unit),
        };
        Ok(match Lease::change_or_begin(place, self.tenant, keys, alone).await? {
            Begun::Changed(rows) => Changing::Changed(rows),
            Begun::Transaction(mut lease) => {
                lease.count_for(self.tenant, &tenant.limits);
                Changing::Unit(Unit { work: Work::Alone(lease), keys })
            }
        })
    }

    /// Opens what one operation needs; [`Unit::finish`] ends it.
    pub(crate) async fn unit(&self, access: Access, keys: Keys) -> Result<Unit<'_>, Error> {
        let work = match &self.way {
            Way::Alone(place, tenant) => {
                let mut lease = Lease::begin(place, access, Binding::Tenant(self.tenant)).await?;
                if access == Access::Write {
                    lease.count_for(self.tenant, &tenant.limits);
                }
                Work::Alone(lease)
            }
            Way::Joined(lease) => Work::Joined(lease.lock().await),
        };
        Ok(Unit { work, keys })
    }
}

/// What came of a change of one row.
pub(crate) enum Changing<'s> {
    /// What the statement returned.
    Changed(Vec<QueryResult>),
    /// It is still to be made.
    Unit(Unit<'s>),
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

    /// Counts rows and bytes that the operation added.
    pub(crate) fn count(&mut self, added: Added) -> Result<(), Error> {
        self.lease()?.count(added);
        Ok(())
    }

    /// Makes the operation last, or leaves that to the transaction it is part of.
    pub(crate) async fn finish(self) -> Result<(), Error> {
        match self.work {
            Work::Alone(lease) => lease.commit().await,
            Work::Joined(_) => Ok(()),
        }
    }

    /// Ends an operation that has changed nothing: the cache need not hear of it.
    pub(crate) async fn finish_unchanged(self) {
        if let Work::Alone(mut lease) = self.work {
            lease.roll_back().await;
        }
    }

    /// Undoes the operation. The transaction that it is part of cannot last any more.
    pub(crate) async fn undo(self) {
        match self.work {
            Work::Alone(mut lease) => lease.roll_back().await,
            Work::Joined(mut lease) => {
                if let Some(lease) = lease.as_mut() {
                    lease.fail();
                }
            }
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
