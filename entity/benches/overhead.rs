//! What the locks cost: `TenantScoped` beside plain SeaORM on the same kind of connection, interleaved in one run.
//!
//!     scripts/with-servers cargo bench -p tenantry-entity --bench overhead
//!
//! Prints CPU seconds for each 1,000 operations, of this process and of the database's, and their ratios. *Plain* names the tenant
//! in its statement, above all policies, on a connection that nobody else wants. *Bound* is the same under the policies, inside
//! `BEGIN; SET LOCAL` ... `COMMIT`: the usual way.

use std::fs;

use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryOrder, QueryResult, QuerySelect, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tenantry_entity as entity;
use tenantry_entity::{Filter, Gatekeeper, Limits, NewPost, NewTenant, NewUser, Role, TenantAccess, TenantName};
use testkit::TestDatabase;
use tokio::sync::Mutex;

/// Operations of one measurement.
const OPERATIONS: usize = 2_000;
/// Measurements of each way, interleaved.
const ROUNDS: usize = 5;
const POSTS: usize = 2_000;

/// The table as somebody would map it who uses SeaORM alone.
#[expect(unreachable_pub, reason = "the entity derive asks for public types")]
mod post {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "posts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: Uuid,
        pub title: String,
        pub title_folded: String,
        pub content: Option<String>,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One connection without a pool, for SeaORM.
struct Plain(Mutex<PgConnection>);

impl Plain {
    async fn open(url: &str) -> Self {
        Self(Mutex::new(PgConnection::connect(url).await.unwrap()))
    }

    async fn run(&self, sql: &str) {
        self.0.lock().await.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
    }

    async fn backend_pid(&self) -> i32 {
        sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *self.0.lock().await).await.unwrap()
    }
}

fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Custom(error.to_string())
}

#[async_trait::async_trait]
impl ConnectionTrait for Plain {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let values = SqlxValues(statement.values.unwrap_or_else(|| sea_orm::Values(Vec::new())));
        let query = sqlx::query_with(AssertSqlSafe(statement.sql), values);
        self.0.lock().await.execute(query).await.map(ExecResult::from).map_err(failed)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let done = self.0.lock().await.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await;
        done.map(ExecResult::from).map_err(failed)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        Ok(self.query_all_raw(statement).await?.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let values = SqlxValues(statement.values.unwrap_or_else(|| sea_orm::Values(Vec::new())));
        let query = sqlx::query_with(AssertSqlSafe(statement.sql), values);
        let rows = self.0.lock().await.fetch_all(query).await.map_err(failed)?;
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }
}

/// What is measured against what.
struct Bench {
    access: TenantAccess,
    /// Reads under row-level security, in transactions that bind the tenant.
    bound: Plain,
    /// Reads as a role above the policies.
    plain: Plain,
    ids: Vec<Uuid>,
    bind: String,
}

#[derive(Clone, Copy)]
enum Way {
    Scoped,
    Bound,
    Plain,
}

const WAYS: [(Way, &str); 3] =
    [(Way::Scoped, "TenantScoped"), (Way::Bound, "SeaORM, bound"), (Way::Plain, "SeaORM, plain")];

impl Bench {
    async fn read(&self, way: Way, number: usize) {
        let id = self.ids[number % self.ids.len()];
        let tenant = self.access.id();
        let by_id = || post::Entity::find().filter(post::Column::Id.eq(id)).filter(post::Column::TenantId.eq(tenant));
        match way {
            Way::Scoped => assert!(self.access.posts().get(id).await.unwrap().is_some()),
            Way::Plain => assert!(by_id().one(&self.plain).await.unwrap().is_some()),
            Way::Bound => {
                self.bound.run(&self.bind).await;
                assert!(by_id().one(&self.bound).await.unwrap().is_some());
                self.bound.run("COMMIT").await;
            }
        }
    }

    async fn page(&self, way: Way) {
        let tenant = self.access.id();
        let newest = || {
            let select = post::Entity::find().filter(post::Column::TenantId.eq(tenant));
            select.order_by_desc(post::Column::Id).limit(21)
        };
        let rows = match way {
            Way::Scoped => self.access.posts().list(Filter::all()).slice(None, 20).await.unwrap().rows.len() + 1,
            Way::Plain => newest().all(&self.plain).await.unwrap().len(),
            Way::Bound => {
                self.bound.run(&self.bind).await;
                let rows = newest().all(&self.bound).await.unwrap().len();
                self.bound.run("COMMIT").await;
                rows
            }
        };
        assert_eq!(rows, 21);
    }
}

/// CPU seconds so far of this process and of one database process.
fn cpu_seconds(backend: i32) -> [f64; 2] {
    [cpu_of("self"), cpu_of(&backend.to_string())]
}

/// User and system time of a process, from the kernel: fields 14 and 15 of its `stat`, in hundredths of a second.
fn cpu_of(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

async fn prepare(database: &TestDatabase) -> Bench {
    let TestDatabase::Postgres(postgres) = database else { unreachable!("it is PostgreSQL") };
    let mut variables = postgres.variables();
    let one = [("POOL_MIN", "1"), ("POOL_MAX", "1"), ("CACHE", "tenants")];
    variables.extend(one.map(|(name, value)| (name, value.to_owned())));
    let (opened, gatekeeper) = entity::open(&testkit::settings(&variables)).await.unwrap();
    let access = tenant(&opened, &gatekeeper).await;
    let user = NewUser {
        tenant_id: None,
        id: None,
        name: "Ann".to_owned(),
        email: "ann@example.com".to_owned(),
        role: Role::Member,
        created_at: None,
    };
    let user = access.users().insert(user).await.unwrap();
    let post = |number| NewPost {
        user_id: user.id,
        title: format!("Post {number}"),
        content: Some("x".repeat(500)),
        ..NewPost::default()
    };
    let posts = access.posts().insert_many((0..POSTS).map(post).collect()).await.unwrap();
    database.execute("VACUUM ANALYZE posts").await;
    let bind =
        format!("BEGIN; SET LOCAL app.current_tenant_id = '{}'; SET LOCAL statement_timeout = 10000", access.id());
    Bench {
        bind,
        access,
        bound: Plain::open(&postgres.url("test_serving")).await,
        plain: Plain::open(&postgres.url("test_above_policies")).await,
        ids: posts.iter().map(|post| post.id).collect(),
    }
}

async fn tenant(database: &entity::Database, gatekeeper: &Gatekeeper) -> TenantAccess {
    let admin = gatekeeper.platform_admin("bench", entity::Origin::command_line());
    let new = NewTenant {
        id: None,
        slug: "bench".to_owned(),
        name: "Bench".to_owned(),
        isolation: entity::Isolation::Shared,
        datastore: None,
        domains: Vec::new(),
        limits: Limits::default(),
        created_at: None,
    };
    let tenant = database.platform(&admin).tenant_create(new).await.unwrap();
    let located = gatekeeper.find(&[TenantName::Id(tenant.id)]).await.unwrap();
    gatekeeper.admit(located[0].clone()).unwrap()
}

/// The process that serves the scopes' one connection: the newest of the serving role that is not the bench's own.
async fn scoped_backend(database: &TestDatabase, bound: i32) -> i32 {
    let sql = format!(
        "SELECT pid::bigint FROM pg_stat_activity
         WHERE usename = 'test_serving' AND datname = current_database() AND pid <> {bound} LIMIT 1"
    );
    i32::try_from(database_number(database, &sql).await).unwrap()
}

async fn database_number(database: &TestDatabase, sql: &str) -> i64 {
    let TestDatabase::Postgres(postgres) = database else { unreachable!("it is PostgreSQL") };
    let mut connection = PgConnection::connect(&postgres.superuser_url()).await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let database = TestDatabase::postgres().await;
    let bench = prepare(&database).await;
    bench.read(Way::Scoped, 0).await;
    let bound = bench.bound.backend_pid().await;
    let backends = [scoped_backend(&database, bound).await, bound, bench.plain.backend_pid().await];
    for scenario in ["read by id", "first page"] {
        let mut total = [[0.0; 2]; 3];
        for _ in 0..ROUNDS {
            for (index, (way, _)) in WAYS.iter().enumerate() {
                let before = cpu_seconds(backends[index]);
                for number in 0..OPERATIONS {
                    if scenario == "first page" { bench.page(*way).await } else { bench.read(*way, number).await }
                }
                let after = cpu_seconds(backends[index]);
                total[index].iter_mut().zip(after.iter().zip(before)).for_each(|(sum, (a, b))| *sum += a - b);
            }
        }
        report(scenario, &total);
    }
}

fn report(scenario: &str, total: &[[f64; 2]; 3]) {
    let thousands = (OPERATIONS * ROUNDS) as f64 / 1000.0;
    println!("{scenario}: CPU seconds for 1,000 operations (this process + database)");
    for ((_, name), [own, database]) in WAYS.iter().zip(total) {
        let ratio = |other: &[f64; 2]| (own + database) / (other[0] + other[1]);
        println!(
            "  {name:15} {:.3} + {:.3}   {:.2} of bound, {:.2} of plain",
            own / thousands,
            database / thousands,
            ratio(&total[1]),
            ratio(&total[2]),
        );
    }
}
