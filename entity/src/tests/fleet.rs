//! Tenants with places of their own, made in the catalog as an operator would.

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use testkit::TestDatabase;
use uuid::Uuid;

use super::open_unchecked;
use crate::database::Database;
use crate::gatekeeper::{Gatekeeper, Origin};
use crate::session::TenantAccess;
use crate::vocabulary::{Isolation, Limits, Role};
use crate::{NewTenant, NewUser, PoolStatus, TenantName};

pub(super) type Variables = Vec<(&'static str, String)>;

pub(super) fn with(variables: Variables, more: &[(&'static str, &str)]) -> Variables {
    variables.into_iter().chain(more.iter().map(|(name, value)| (*name, (*value).to_owned()))).collect()
}

/// An installation with tenants that were made with connections to spare; opened with the variables under test.
pub(super) struct Fleet {
    pub(super) database: Database,
    pub(super) tenants: Vec<TenantAccess>,
    pub(super) test: TestDatabase,
}

impl Fleet {
    pub(super) async fn new(test: TestDatabase, count: usize, more: &[(&'static str, &str)]) -> Self {
        let ids = make(&test.variables(), Isolation::Database, None, count).await;
        Self::open(test, &ids, more).await
    }

    pub(super) async fn open(test: TestDatabase, ids: &[Uuid], more: &[(&'static str, &str)]) -> Self {
        let database = open_unchecked(&with(test.variables(), more));
        let gatekeeper = Gatekeeper::new(database.clone());
        let tenants = join_all(ids.iter().map(|id| admit(&gatekeeper, *id))).await;
        Self { database, tenants, test }
    }

    /// The pool of a tenant's own database.
    pub(super) fn pool(&self, tenant: &TenantAccess) -> Option<PoolStatus> {
        self.database.pools().into_iter().find(|pool| pool.tenant == Some(tenant.id()))
    }
}

pub(super) async fn make(
    variables: &Variables,
    isolation: Isolation,
    datastore: Option<&str>,
    count: usize,
) -> Vec<Uuid> {
    make_at_once(variables, isolation, datastore, count, 4).await
}

pub(super) async fn make_at_once(
    variables: &Variables,
    isolation: Isolation,
    datastore: Option<&str>,
    count: usize,
    at_once: usize,
) -> Vec<Uuid> {
    let gatekeeper = Gatekeeper::new(open_unchecked(variables));
    let admin = gatekeeper.platform_admin("budget", Origin::command_line());
    let platform = gatekeeper.platform_for_test(&admin);
    let one = |_| async {
        let slug = format!("t{}", Uuid::now_v7().simple());
        let (name, datastore) = ("Test".to_owned(), datastore.map(str::to_owned));
        let (domains, limits) = (Vec::new(), Limits::default());
        let new = NewTenant { id: None, slug, name, isolation, datastore, domains, limits, created_at: None };
        platform.tenant_create(new).await.unwrap().id
    };
    stream::iter(0..count).map(one).buffer_unordered(at_once).collect().await
}

pub(super) async fn admit(gatekeeper: &Gatekeeper, id: Uuid) -> TenantAccess {
    let found = gatekeeper.find(&[TenantName::Id(id)]).await.unwrap();
    gatekeeper.admit(found[0].clone()).unwrap()
}

pub(super) fn user() -> NewUser {
    let email = format!("{}@example.com", Uuid::now_v7().simple());
    NewUser { tenant_id: None, id: None, name: "A".to_owned(), email, role: Role::Member, created_at: None }
}
