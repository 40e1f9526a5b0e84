//! A tenant that is reached over a wire.

use std::time::{Duration, Instant};

use testkit::TestDatabase;
use uuid::Uuid;

use super::super::fleet::{admit, make, with};
use super::super::open_unchecked;
use super::wire::Wire;
use crate::connection::{Access, Binding, Lease};
use crate::database::Database;
use crate::error::Error;
use crate::gatekeeper::Gatekeeper;
use crate::moving::Fence;
use crate::place::{Spot, fence_lock};
use crate::rows::Rows;
use crate::session::TenantAccess;
use crate::vocabulary::{Isolation, Role};
use crate::{Filter, NewPost, NewUser, PostColumn};

pub(super) const MODELS: [Isolation; 3] = [Isolation::Shared, Isolation::Schema, Isolation::Database];

/// A tenant with a user and five posts, reached over one connection and a wire.
pub(super) struct Scene {
    pub(super) wire: Wire,
    pub(super) database: Database,
    pub(super) tenant: TenantAccess,
    pub(super) post: Uuid,
    pub(super) test: TestDatabase,
}

impl Scene {
    pub(super) async fn set(isolation: Isolation, more: &[(&'static str, &str)]) -> Self {
        Self::set_in(TestDatabase::postgres().await, isolation, more).await
    }

    pub(super) async fn set_in(test: TestDatabase, isolation: Isolation, more: &[(&'static str, &str)]) -> Self {
        let id = make(&test.variables(), isolation, None, 1).await[0];
        let url = test.variables().into_iter().find(|(name, _)| *name == "DATABASE_URL").unwrap().1;
        let server = url.split_once('@').unwrap().1.split_once('/').unwrap().0.to_owned();
        let wire = Wire::to(server.clone()).await;
        let over_the_wire = format!("127.0.0.1:{}", wire.port);
        let one = [("POOL_MIN", "1"), ("POOL_MAX", "1"), ("CACHE", "off")];
        let mut variables = with(with(test.variables(), more), &one);
        variables.iter_mut().for_each(|(_, value)| *value = value.replace(&server, &over_the_wire));
        let passing = variables.iter().any(|(name, _)| *name == "statement-cache-capacity");
        let addresses = variables.iter_mut().filter(|(_, value)| passing && value.contains(&over_the_wire));
        addresses.for_each(|(_, value)| value.push_str("?statement-cache-capacity=0"));
        let database = open_unchecked(&variables);
        let tenant = admit(&Gatekeeper::new(database.clone()), id).await;
        let post = fill(&tenant).await;
        Self { wire, database, tenant, post, test }
    }

    pub(super) async fn draft(&self, title: &str) -> NewPost {
        let user_id = self.tenant.posts().get(self.post).await.unwrap().unwrap().user_id;
        NewPost { user_id, title: title.to_owned(), content: Some("Text".to_owned()), ..NewPost::default() }
    }

    pub(super) async fn count(&self, title: &str) -> u64 {
        self.tenant.posts().count(Filter::eq(PostColumn::Title, title)).await.unwrap()
    }

    /// Keeps the tenant's writes out, as whoever moves it does, until the transaction ends.
    pub(super) async fn hold_fence(&self) -> Lease {
        let mut holder = Lease::begin(&self.database.serving, Access::Write, Binding::Nobody).await.unwrap();
        holder.run(&format!("SELECT pg_advisory_xact_lock({})", fence_lock(self.tenant.id()))).await.unwrap();
        holder
    }

    /// Has a write wait for whoever moves the tenant, who notes meanwhile that it leaves: what becomes of the write. It began before
    /// that, but it must look at the fence once it has the lock.
    pub(super) async fn leave_before<T: std::fmt::Debug>(&self, write: impl Future<Output = T>) -> T {
        let holder = self.hold_fence().await;
        let mut write = std::pin::pin!(write);
        assert_waits(&mut write).await;
        self.leave().await;
        holder.commit().await.unwrap();
        write.await
    }

    pub(super) async fn assert_tally_is_right(&self) {
        assert!(!self.tenant.deviation_for_test().await.unwrap().was_off);
    }

    /// Keeps the tenant's writes out from now on, as whoever moves it does.
    pub(super) async fn put_up_fence(&self) -> Result<(), Error> {
        let tenant = self.tenant.tenant();
        let (store, spot) = (self.database.store(None)?, Spot::of(tenant.isolation, tenant.id));
        Fence::new(&self.database, store, spot, tenant.id).put_up(Duration::from_secs(5)).await
    }

    /// Makes every slot of the tally, with something in each, so that the next statement finds its own.
    pub(super) async fn open_slots(&self) {
        let id = self.tenant.id();
        let added = ["users_rows", "users_bytes", "posts_rows", "posts_bytes"]
            .map(|column| format!("{column} = tallies.{column} + excluded.{column}"));
        let rows = format!(
            "SELECT '{id}'::uuid, slot, 1, 1, 1, 1 FROM generate_series(1, 16) AS slot UNION ALL SELECT '{id}', -1, -16, -16, -16, -16
             ON CONFLICT (tenant_id, slot) DO UPDATE SET {}",
            added.join(", ")
        );
        self.insert_into("tallies", &rows).await;
    }

    /// Removes them, so that the next statement looks at the fence.
    pub(super) async fn close_slots(&self) {
        Rows::new(self.tenant.id(), &self.database.serving)
            .close_slots(Instant::now() + Duration::from_secs(5))
            .await
            .unwrap();
    }

    /// A transaction of the tenant's that has run this, until it ends.
    pub(super) async fn hold(&self, sql: &str) -> Lease {
        let mut holder = Rows::new(self.tenant.id(), &self.database.serving).begin(Access::Write).await.unwrap();
        holder.run(sql).await.unwrap();
        holder
    }

    /// Says in the tenant's place that it has left.
    pub(super) async fn leave(&self) {
        self.insert_into("departures", &format!("SELECT '{}' ON CONFLICT DO NOTHING", self.tenant.id())).await;
    }

    async fn insert_into(&self, table: &str, rows: &str) {
        let (id, isolation) = (self.tenant.id(), self.tenant.tenant().isolation);
        let schema = match isolation {
            Isolation::Schema => format!("tenant_{}.", id.simple()),
            Isolation::Shared | Isolation::Database => String::new(),
        };
        let sql = format!("INSERT INTO {schema}{table} {rows}");
        match isolation {
            Isolation::Database => self.test.execute_in(testkit::Own::Database, &id.to_string(), &sql).await,
            Isolation::Shared | Isolation::Schema => self.test.execute(&sql).await,
        }
    }
}

/// Whatever it waits for, it does so for a while.
pub(super) async fn assert_waits<T: std::fmt::Debug>(pending: impl Future<Output = T>) {
    let waited = tokio::time::timeout(Duration::from_millis(300), pending).await;
    assert!(waited.is_err(), "{waited:?}");
}

pub(super) async fn fill(tenant: &TenantAccess) -> Uuid {
    let (name, email) = ("Ada".to_owned(), "ada@example.com".to_owned());
    let ada = NewUser { tenant_id: None, id: None, name, email, role: Role::Admin, created_at: None };
    let ada = tenant.users().insert(ada).await.unwrap();
    let mut newest = Uuid::nil();
    for number in 0..5 {
        let (title, content) = (format!("Post {number}"), Some("Text".to_owned()));
        let post = NewPost { tenant_id: None, id: None, user_id: ada.id, title, content, created_at: None };
        newest = tenant.posts().insert(post).await.unwrap().id;
    }
    newest
}
