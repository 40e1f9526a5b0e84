//! Random programs of several tenants, on the scopes and on the model: every answer and the rows in the end are the same, and
//! every statement that was sent names the tenant.
//!
//! Run on SQLite, with the cache in Redis, on PostgreSQL, through PgBouncer, and on PostgreSQL as a role above its policies: there, the scopes are all that
//! keeps tenants apart.

use std::sync::{Arc, Mutex};

use proptest::test_runner::{Config, TestCaseError, TestRunner};
use testkit::{TestDatabase, TestRedis};
use uuid::Uuid;

use super::model::{PostRow, Refused, UserRow, World, truth};
use super::program::{F, IDS, Op, PostOp, PostValues, Read, TENANTS, TenantOp, UserOp, UserValues, program};
use super::{Sent, recorder, statements};
use crate::entities::{post, user};
use crate::gatekeeper::{Gatekeeper, Origin};
use crate::resource::{Mapped, Owned};
use crate::scoped::TenantScoped;
use crate::session::{TenantAccess, Transaction};
use crate::vocabulary::{Isolation, Limits, Role};
use crate::{
    CacheStatus, Direction, Error, Filter, NewPost, NewTenant, NewUser, OwnTenantChanges, PostChanges, UserChanges,
};

mod compare;

use compare::{Compared, read};

/// Programs for each database; `PROPTEST_CASES` asks for more.
const CASES: u32 = 256;

#[test]
fn scopes_do_as_the_model_on_sqlite() {
    let cache = on(TestDatabase::sqlite(), |database| database.variables());
    assert!(cache.rows.hits > 1_000, "the cache was of no use: {cache:?}");
}

#[test]
fn scopes_do_as_the_model_with_a_cache_in_redis() {
    let redis = TestRedis::start();
    let variables = |database: &TestDatabase| {
        let mut variables = database.variables();
        variables.push(("REDIS_URL", redis.url()));
        variables
    };
    let cache = on(TestDatabase::sqlite(), variables);
    assert!(cache.rows.hits > 1_000, "the cache was of no use: {cache:?}");
}

#[test]
fn scopes_do_as_the_model_on_postgres() {
    on(TestDatabase::postgres(), |database| database.variables());
}

#[test]
fn scopes_do_as_the_model_on_postgres_above_its_policies() {
    on(TestDatabase::postgres(), |database| database.server().variables_above_policies());
}

#[test]
fn scopes_do_as_the_model_through_pgbouncer() {
    on(TestDatabase::postgres(), |database| database.server().variables_through_pgbouncer());
}

#[test]
fn scopes_do_as_the_model_on_sqlite_with_sealed_contents() {
    on(TestDatabase::sqlite(), |database| super::encryption::sealing(&database.variables()));
}

#[test]
fn scopes_do_as_the_model_on_postgres_with_sealed_contents() {
    on(TestDatabase::postgres(), |database| super::encryption::sealing(&database.variables()));
}

fn on(
    database: impl Future<Output = TestDatabase>,
    variables: impl Fn(&TestDatabase) -> Vec<(&'static str, String)>,
) -> CacheStatus {
    // Whoever keeps the cache in use must not wait for the programs.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let database = runtime.block_on(database);
    let (sent, observer) = recorder();
    let settings = super::settings(&variables(&database)).observed_by(observer);
    let _inside = runtime.enter();
    let opened = crate::database::connect(&settings).unwrap();
    opened.tend_cache();
    let gatekeeper = Gatekeeper::new(opened.clone());
    let settled = runtime.block_on(settle(&gatekeeper));
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&program(), |program| {
        runtime.block_on(async {
            let mut run = Run::start(&gatekeeper, &settled, Arc::clone(&sent)).await;
            for (number, op) in program {
                run.step(number, op).await.map_err(TestCaseError::fail)?;
            }
            run.compare_everything().await.map_err(TestCaseError::fail)
        })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    opened.cache()
}

/// The tenants with places of their own, which all programs share: one with a schema where there are schemas, and one with a
/// database.
async fn settle(gatekeeper: &Gatekeeper) -> Vec<TenantAccess> {
    let admin = gatekeeper.platform_admin("property", Origin::command_line());
    let mut settled = Vec::new();
    for isolation in [Isolation::Schema, Isolation::Database] {
        if gatekeeper.platform_for_test(&admin).check_placement(isolation, None).is_ok() {
            settled.push(gatekeeper.create_for_test(&admin, isolation).await);
        }
    }
    settled
}

/// One program on a mixed fleet: fresh tenants in the shared tables, and emptied ones in places of their own. Ids are the same
/// in all programs, so the shared tables are full of other tenants' rows with the same ids.
struct Run {
    ids: Vec<Uuid>,
    tenants: Vec<Uuid>,
    accesses: Vec<TenantAccess>,
    names: Vec<String>,
    world: World,
    sent: Arc<Mutex<Vec<Sent>>>,
}

/// The scopes of one tenant, each operation by itself or all in one transaction.
enum Scopes<'a> {
    Alone(&'a TenantAccess),
    Joined(&'a Transaction),
}

impl Scopes<'_> {
    fn users(&self) -> TenantScoped<user::Model> {
        match self {
            Self::Alone(access) => access.users(),
            Self::Joined(transaction) => transaction.users(),
        }
    }

    fn posts(&self) -> TenantScoped<post::Model> {
        match self {
            Self::Alone(access) => access.posts(),
            Self::Joined(transaction) => transaction.posts(),
        }
    }
}

/// Why a transaction of the program ends without effect.
enum Undone {
    Failed(String),
    Refused,
    OnPurpose,
    Database(Error),
}

impl From<Error> for Undone {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl Run {
    async fn start(gatekeeper: &Gatekeeper, settled: &[TenantAccess], sent: Arc<Mutex<Vec<Sent>>>) -> Self {
        let admin = gatekeeper.platform_admin("property", Origin::command_line());
        let mut accesses = Vec::new();
        for access in settled {
            access.users().delete_many(Filter::all()).await.unwrap();
            let row = access.tenants().get(access.id()).await.unwrap().unwrap();
            accesses.push(gatekeeper.admit_for_test(row));
        }
        while accesses.len() < usize::from(TENANTS) {
            accesses.push(gatekeeper.create_for_test(&admin, Isolation::Shared).await);
        }
        Self {
            ids: (1..=u128::from(IDS)).map(Uuid::from_u128).collect(),
            tenants: accesses.iter().map(TenantAccess::id).collect(),
            names: accesses.iter().map(|access| access.tenant().name.clone()).collect(),
            accesses,
            world: World::default(),
            sent,
        }
    }

    async fn step(&mut self, number: u8, op: Op) -> Result<(), String> {
        self.sent.lock().unwrap().clear();
        let access = self.accesses[number as usize].clone();
        let shown = format!("{op:?}");
        let outcome = match op {
            Op::Together(ops, kept) => self.together(number, &access, ops, kept).await,
            op => self.one(number, &Scopes::Alone(&access), op).await.map(|_| ()),
        };
        statements::each_names(&self.sent.lock().unwrap(), access.id()).map_err(|why| format!("{shown}: {why}"))?;
        outcome.map_err(|why| format!("{shown}: {why}"))?;
        self.look_around(number, &access).await.map_err(|why| format!("after {shown}: {why}"))
    }

    /// Reads what the cache keeps, each row and the first of all: it has them before the next operation, and must not after it.
    async fn look_around(&mut self, number: u8, access: &TenantAccess) -> Result<(), String> {
        let scopes = Scopes::Alone(access);
        for read in (0..IDS).map(Read::Get).chain([Read::Slices(F::All, 3, false)]) {
            self.one(number, &scopes, Op::Users(UserOp::Common(read.clone()))).await?;
            self.one(number, &scopes, Op::Posts(PostOp::Common(read))).await?;
        }
        Ok(())
    }

    async fn together(&mut self, number: u8, access: &TenantAccess, ops: Vec<Op>, kept: bool) -> Result<(), String> {
        let before = (self.world.clone(), self.names.clone());
        let outcome = access
            .transaction(async |transaction| {
                for op in ops {
                    match self.one(number, &Scopes::Joined(transaction), op).await {
                        Ok(Compared::Same) => {}
                        Ok(Compared::BothRefused) => return Err(Undone::Refused),
                        Err(why) => return Err(Undone::Failed(why)),
                    }
                }
                if kept { Ok(()) } else { Err(Undone::OnPurpose) }
            })
            .await;
        match outcome {
            Ok(()) => Ok(()),
            Err(Undone::Refused | Undone::OnPurpose) => {
                (self.world, self.names) = before;
                Ok(())
            }
            Err(Undone::Failed(why)) => Err(why),
            Err(Undone::Database(error)) => Err(format!("the transaction failed: {error}")),
        }
    }

    /// One operation on the database and on the model.
    async fn one(&mut self, number: u8, scopes: &Scopes<'_>, op: Op) -> Result<Compared, String> {
        let tenant = self.tenants[number as usize];
        match op {
            Op::Users(UserOp::Common(op)) => {
                let mut users = std::mem::take(&mut self.world.users);
                let outcome = read(&scopes.users(), op, &mut users, tenant, &self.ids, &self.tenants).await;
                self.world.users = users;
                self.world.cascade();
                outcome
            }
            Op::Posts(PostOp::Common(op)) => {
                let mut posts = std::mem::take(&mut self.world.posts);
                let outcome = read(&scopes.posts(), op, &mut posts, tenant, &self.ids, &self.tenants).await;
                self.world.posts = posts;
                outcome
            }
            Op::Users(op) => self.write_users(tenant, &scopes.users(), op).await,
            Op::Posts(op) => self.write_posts(tenant, &scopes.posts(), op).await,
            Op::WithPosts(filter, most) => self.with_posts(tenant, scopes, &filter, most).await,
            Op::Tenant(op) => self.own_row(number, op).await,
            Op::Together(..) => Err("transactions are not nested".to_owned()),
        }
    }

    /// The tenant's own row, which is in the catalog, wherever its other rows are.
    async fn own_row(&mut self, number: u8, op: TenantOp) -> Result<Compared, String> {
        let tenant = self.tenants[number as usize];
        let rows = self.accesses[number as usize].tenants();
        match op {
            TenantOp::Get(other) => {
                let got = rows.get(self.tenants[other as usize]).await.map_err(|error| error.to_string())?;
                compare::equal(got.map(|row| row.id), (other == number).then_some(tenant))
            }
            TenantOp::List => {
                let got = rows.list(Filter::all()).slice(None, 10).await.map_err(|error| error.to_string())?;
                compare::equal(got.rows.iter().map(|row| row.id).collect::<Vec<_>>(), vec![tenant])
            }
            TenantOp::Rename(other, name) => {
                let changes = OwnTenantChanges { name: Some(name.clone()) };
                let renamed = rows.update(self.tenants[other as usize], Filter::all(), changes).await;
                if other == number {
                    self.names[number as usize].clone_from(&name);
                }
                let got = renamed.map_err(|error| error.to_string())?.map(|row| row.name);
                compare::equal(got, (other == number).then_some(name))
            }
        }
    }

    async fn with_posts(&self, tenant: Uuid, scopes: &Scopes<'_>, filter: &F, most: u64) -> Result<Compared, String> {
        let matches =
            |row: &UserRow| row.tenant == tenant && truth(filter, row, &self.ids, &self.tenants) == Some(true);
        let mut users: Vec<_> = self.world.users.iter().filter(|row| matches(row)).collect();
        users.sort_by_key(|row| std::cmp::Reverse(row.id));
        let expected: Vec<_> = users
            .iter()
            .map(|user| {
                let of_user = |post: &&PostRow| (post.tenant, post.user) == (tenant, user.id);
                let mut posts: Vec<_> = self.world.posts.iter().filter(of_user).map(|post| post.id).collect();
                posts.sort_unstable_by(|left, right| right.cmp(left));
                posts.truncate(usize::try_from(most).unwrap());
                (user.id, posts)
            })
            .collect();
        let scope = scopes.users();
        let filter = compare::filter::<user::Model>(filter, &self.ids, &self.tenants);
        let rows = scope.list(filter).slice(None, 100).await.map_err(|error| error.to_string())?.rows;
        let loaded = scope.with_posts(rows, most).await.map_err(|error| error.to_string())?;
        let got: Vec<_> =
            loaded.iter().map(|(user, posts)| (user.id, posts.iter().map(|post| post.id).collect())).collect();
        compare::equal(got, expected)
    }

    /// Every tenant's rows, as they are in the end.
    async fn compare_everything(&mut self) -> Result<(), String> {
        for number in 0..TENANTS {
            self.step(number, Op::Users(UserOp::Common(Read::Slices(F::All, 100, false)))).await?;
            self.step(number, Op::Posts(PostOp::Common(Read::Slices(F::All, 100, true)))).await?;
            let access = &self.accesses[number as usize];
            let row = access.tenants().get(access.id()).await.map_err(|error| error.to_string())?;
            if row.map(|row| row.name).as_ref() != Some(&self.names[number as usize]) {
                return Err("a tenant was renamed by another".to_owned());
            }
            let off = access.deviation_for_test().await.map_err(|error| error.to_string())?;
            if off.was_off {
                return Err(format!("a tally is wrong: {off:?}"));
            }
            self.sent.lock().unwrap().clear();
        }
        Ok(())
    }
}

impl Gatekeeper {
    async fn create_for_test(&self, admin: &crate::PlatformAdmin, isolation: Isolation) -> TenantAccess {
        let new = NewTenant {
            id: None,
            slug: format!("t{}", Uuid::now_v7().simple()),
            name: "Test".to_owned(),
            isolation,
            datastore: None,
            domains: Vec::new(),
            limits: Limits::default(),
            created_at: None,
        };
        let tenant = self.platform_for_test(admin).tenant_create(new).await.unwrap();
        let found = self.find(&[crate::TenantName::Id(tenant.id)]).await.unwrap();
        self.admit(found[0].clone()).unwrap()
    }
}

mod writes;
