//! PostgreSQL databases, copied from a template that is migrated once for each version of the migrations.

use std::env;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use uuid::Uuid;

const URL: &str = "TENANTRY_TEST_POSTGRES_URL";
const ELSEWHERE_URL: &str = "TENANTRY_TEST_ELSEWHERE_URL";
const PGBOUNCER_URL: &str = "TENANTRY_TEST_PGBOUNCER_URL";

/// Held while roles and template are made: every test is a process of its own.
const LOCK: i64 = 0x7465_7374_6b69_7400;

/// Who the tests connect as. Roles belong to the whole server, so they are made once.
const ROLES: &str = "
    CREATE ROLE test_owner LOGIN PASSWORD 'test' NOSUPERUSER NOBYPASSRLS CREATEDB;
    CREATE ROLE test_serving LOGIN PASSWORD 'test' NOSUPERUSER NOBYPASSRLS;
    CREATE ROLE test_platform LOGIN PASSWORD 'test' NOSUPERUSER NOBYPASSRLS;
    CREATE ROLE test_above_policies LOGIN PASSWORD 'test' NOSUPERUSER BYPASSRLS;
    GRANT test_serving TO test_above_policies;";

/// A migrated database, dropped with its connections when this is dropped.
pub struct PostgresDatabase {
    name: String,
    server: PgConnectOptions,
}

impl PostgresDatabase {
    pub(crate) async fn create() -> Self {
        Self::create_on(address(URL)).await
    }

    /// On the further server.
    pub(crate) async fn create_elsewhere() -> Self {
        Self::create_on(address(ELSEWHERE_URL)).await
    }

    /// On the server at this address, as a superuser.
    pub(crate) async fn create_at(url: &str) -> Self {
        Self::create_on(options(url)).await
    }

    async fn create_on(server: PgConnectOptions) -> Self {
        let mut connection = connect(&server).await;
        run(&mut connection, &format!("SELECT pg_advisory_lock({LOCK})")).await;
        let template = ensure_template(&server, &mut connection).await;
        let name = format!("test_{}", Uuid::now_v7().simple());
        run(&mut connection, &format!("CREATE DATABASE {name} TEMPLATE {template} OWNER test_owner")).await;
        Self { name, server }
    }

    /// The environment variables that make the service use this database.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("DATABASE_URL", self.url("test_serving")),
            ("DATABASE_OWNER_URL", self.url("test_owner")),
            ("DATABASE_PLATFORM_URL", self.url("test_platform")),
        ]
    }

    /// The same, but serving as a role that policies do not apply to: what is left is the first lock.
    pub fn variables_above_policies(&self) -> Vec<(&'static str, String)> {
        let mut variables = self.variables();
        variables[0].1 = self.url("test_above_policies");
        variables
    }

    /// The same, but serving and platform go through PgBouncer in transaction mode: each transaction may be on another connection
    /// of the server.
    pub fn variables_through_pgbouncer(&self) -> Vec<(&'static str, String)> {
        let pgbouncer = address(PGBOUNCER_URL);
        let (host, port) = (pgbouncer.get_host(), pgbouncer.get_port());
        let url = |role: &str| format!("postgres://{role}@{host}:{port}/{}?statement-cache-capacity=0", self.name);
        vec![
            ("DATABASE_URL", url("test_serving")),
            ("DATABASE_OWNER_URL", self.url("test_owner")),
            ("DATABASE_PLATFORM_URL", url("test_platform")),
        ]
    }

    /// This database's address for one of the roles, or for the superuser of the server.
    pub fn url(&self, role: &str) -> String {
        let (host, port) = (self.server.get_host(), self.server.get_port());
        format!("postgres://{role}:test@{host}:{port}/{}", self.name)
    }

    /// This database's address for the server's superuser.
    pub fn superuser_url(&self) -> String {
        self.url(self.server.get_username())
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.execute_at(&self.name, sql).await;
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.number_at(&self.name, sql).await
    }

    pub(crate) async fn execute_at(&self, database: &str, sql: &str) {
        run(&mut self.connect(database).await, sql).await;
    }

    pub(crate) async fn number_at(&self, database: &str, sql: &str) -> i64 {
        number(&mut self.connect(database).await, sql).await
    }

    pub(crate) async fn execute_in_schema(&self, schema: &str, sql: &str) {
        run(&mut self.connect_to_schema(schema).await, sql).await;
    }

    pub(crate) async fn number_in_schema(&self, schema: &str, sql: &str) -> i64 {
        number(&mut self.connect_to_schema(schema).await, sql).await
    }

    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let mut connection = self.connect(&self.name).await;
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut connection).await.expect(sql)
    }

    async fn connect(&self, database: &str) -> PgConnection {
        connect(&self.server.clone().database(database)).await
    }

    /// Names of tables are looked for there and nowhere else.
    async fn connect_to_schema(&self, schema: &str) -> PgConnection {
        connect(&self.server.clone().database(&self.name).options([("search_path", schema)])).await
    }
}

impl Drop for PostgresDatabase {
    /// On a thread with a runtime of its own: a test may end in any state, also while it panics.
    fn drop(&mut self) {
        let (name, server) = (self.name.clone(), self.server.clone());
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(drop_all(&server, &name));
        });
        if dropped.join().is_err() {
            eprintln!("the test's database {} could not be dropped", self.name);
        }
    }
}

/// Drops the database and those of its tenants, which are marked with its name. Several at a time: each waits for a checkpoint.
async fn drop_all(server: &PgConnectOptions, name: &str) {
    let own = format!(
        "SELECT datname FROM pg_database d WHERE shobj_description(d.oid, 'pg_database') = 'a tenant of {name}'"
    );
    let mut names: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(own)).fetch_all(&mut connect(server).await).await.expect("databases' names");
    names.push(name.to_owned());
    let mut workers = tokio::task::JoinSet::new();
    for names in names.chunks(names.len().div_ceil(8)) {
        let (server, names) = (server.clone(), names.to_vec());
        workers.spawn(async move {
            let mut connection = connect(&server).await;
            for name in names {
                run(&mut connection, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            }
        });
    }
    workers.join_all().await;
}

fn address(variable: &str) -> PgConnectOptions {
    let url =
        env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: run the tests through scripts/test"));
    options(&url)
}

fn options(url: &str) -> PgConnectOptions {
    url.parse::<PgConnectOptions>().expect("a server's address").disable_statement_logging()
}

async fn connect(options: &PgConnectOptions) -> PgConnection {
    PgConnection::connect_with(options).await.expect("the test's PostgreSQL server answers")
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.expect(sql);
}

async fn number(connection: &mut PgConnection, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await.expect(sql)
}

/// The name of the migrated template; made, with the roles, if this is the first test. Called with the lock held.
async fn ensure_template(server: &PgConnectOptions, connection: &mut PgConnection) -> &'static str {
    const TEMPLATE: &str = "tenantry_template";
    let there = "SELECT count(*) FROM pg_database WHERE datname = 'tenantry_template' AND datistemplate";
    let there: i64 = sqlx::query_scalar(there).fetch_one(&mut *connection).await.expect("a count");
    if there > 0 {
        return TEMPLATE;
    }
    let roles = "SELECT count(*) FROM pg_roles WHERE rolname = 'test_owner'";
    let roles: i64 = sqlx::query_scalar(roles).fetch_one(&mut *connection).await.expect("a count");
    if roles == 0 {
        run(connection, ROLES).await;
    }
    run(connection, &format!("DROP DATABASE IF EXISTS {TEMPLATE}")).await;
    run(connection, &format!("CREATE DATABASE {TEMPLATE} OWNER test_owner")).await;
    let template = PostgresDatabase { name: TEMPLATE.to_owned(), server: server.clone() };
    let migrated = entity::migrate::up(&crate::settings(&template.variables())).await;
    // A template is not to be dropped with the value that names it.
    std::mem::forget(template);
    migrated.expect("a migrated template");
    run(connection, &format!("ALTER DATABASE {TEMPLATE} IS_TEMPLATE true")).await;
    TEMPLATE
}
