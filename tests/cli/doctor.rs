//! `doctor` says what is wrong with the database, and `serve` does not serve it.

use serde_json::Value;
use testkit::{Own, PostgresDatabase, TestDatabase};

use crate::support::Shell;

/// What is done to a database that is as it should be, and a part of the sentence that this earns.
const SABOTAGE: &[(&str, &str)] = &[
    ("DROP POLICY tenant_isolation ON users", "the table users has no policy tenant_isolation"),
    ("DROP POLICY tenant_isolation ON posts", "the table posts has no policy tenant_isolation"),
    ("DROP POLICY tenant_isolation ON idempotency_keys", "the table idempotency_keys has no policy tenant_isolation"),
    ("DROP POLICY tenant_isolation ON tenants", "the table tenants has no policy tenant_isolation"),
    ("DROP POLICY tenant_isolation ON tenant_domains", "the table tenant_domains has no policy tenant_isolation"),
    ("DROP POLICY tenant_isolation ON audit_log", "the table audit_log has no policy tenant_isolation"),
    ("ALTER TABLE posts NO FORCE ROW LEVEL SECURITY", "row-level security is not forced on the table posts"),
    ("ALTER TABLE users DISABLE ROW LEVEL SECURITY", "row-level security is not enabled on the table users"),
    ("CREATE TABLE invoices (tenant_id uuid)", "row-level security is not enabled on the table invoices"),
    (
        "CREATE POLICY everybody ON users FOR SELECT USING (true)",
        "the policy everybody on the table users lets the serving role see more than one tenant",
    ),
    (
        "CREATE POLICY newcomers ON posts FOR INSERT TO test_serving WITH CHECK (true)",
        "the policy newcomers on the table posts lets the serving role see more than one tenant",
    ),
    (
        "ALTER POLICY tenant_isolation ON posts USING (tenant_id IS NOT NULL)",
        "the table posts has no policy tenant_isolation that holds every command to the bound tenant",
    ),
    (
        "ALTER POLICY tenant_isolation ON users WITH CHECK (true)",
        "the table users has no policy tenant_isolation that holds every command to the bound tenant",
    ),
    (
        "CREATE UNIQUE INDEX posts_title_key ON posts (title)",
        "the key posts_title_key of the table posts does not begin with tenant_id",
    ),
    (
        "ALTER TABLE posts ADD COLUMN twin uuid UNIQUE; ALTER TABLE posts ADD CONSTRAINT twin_fkey
         FOREIGN KEY (twin) REFERENCES posts (twin)",
        "the foreign key twin_fkey of the table posts does not begin with tenant_id",
    ),
    (
        "DROP POLICY platform_access ON users",
        "the platform role test_platform does not reach the rows of the table users",
    ),
    (
        "GRANT ALL ON posts TO test_serving",
        "the serving role test_serving may truncate the table posts: policies do not apply to that",
    ),
    ("GRANT CREATE ON SCHEMA public TO test_serving", "the serving role test_serving may create objects in the schema"),
];

fn postgres(database: &TestDatabase) -> &PostgresDatabase {
    match database {
        TestDatabase::Postgres(database) => database,
        TestDatabase::Sqlite(_) => panic!("roles and policies are PostgreSQL's"),
    }
}

/// Both commands fail for this reason, and say so in a sentence.
fn is_refused(shell: &Shell, sentence: &str) {
    let outcome = shell.run("doctor").exited(1);
    let (out, err) = (outcome.out(), outcome.err());
    let found = out.lines().find(|line| line.starts_with("FAILED ") && line.contains(sentence));
    assert!(found.is_some(), "doctor does not say {sentence:?}:\n{out}{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains("failed: this database is not as it should be"), "{err}");

    let reason = shell.fails("serve");
    assert!(reason.contains("the database does not keep tenants apart: "), "{reason}");
    assert!(reason.contains(sentence), "serve does not say {sentence:?}: {reason}");
}

/// The names of the checks, all of which must be fine.
fn all_fine(shell: &Shell) -> Vec<String> {
    let checks = shell.prints_json("doctor --json");
    let name = |check: &Value| {
        assert_eq!(check["ok"], true, "{check}");
        check["name"].as_str().expect("a name").to_owned()
    };
    checks.as_array().expect("a list").iter().map(name).collect()
}

#[tokio::test]
async fn postgres_as_set_up_is_fine() {
    let database = TestDatabase::postgres().await;
    let shell = Shell::on(&database);
    let checks = [
        "role",
        "ownership",
        "detours",
        "policies",
        "tenant columns",
        "keys",
        "unbound read",
        "platform",
        "statements",
        "places",
        "versions",
        "orphans",
        "tallies",
        "data keys",
        "canary",
        "policy canary",
        "cache",
    ];
    assert_eq!(all_fine(&shell), checks);
    let said = shell.prints("doctor");
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), checks.len(), "{said}");
    assert!(said.contains(" as test_serving") && !said.contains("test@"), "who serves, without a password: {said}");
    assert_eq!(database.number("SELECT count(*) FROM users").await, 0, "the canaries are gone");
}

#[tokio::test]
async fn what_is_wrong_with_the_tables_is_found() {
    for (sabotage, sentence) in SABOTAGE {
        let database = TestDatabase::postgres().await;
        database.execute(sabotage).await;
        is_refused(&Shell::on(&database), sentence);
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_roles_is_found() {
    let database = TestDatabase::postgres().await;
    let server = postgres(&database);
    for (url, sentence) in [
        (server.superuser_url(), "is a superuser: policies do not apply to it"),
        (server.url("test_above_policies"), "test_above_policies has BYPASSRLS: policies do not apply to it"),
        (server.url("test_owner"), "test_owner owns the table users"),
        (server.url("test_platform"), "the policy platform_access on the table users lets the serving role see more"),
    ] {
        is_refused(&Shell::on(&database).with("DATABASE_URL", &url), sentence);
    }
    let platform = Shell::on(&database).with("DATABASE_PLATFORM_URL", &server.url("test_serving"));
    is_refused(&platform, "the platform role test_serving does not reach the rows of the table tenants");
}

#[tokio::test]
async fn a_role_that_may_become_a_stronger_one_is_found() {
    let database = TestDatabase::postgres().await;
    let climber = format!("test_climber_{}", std::process::id());
    let groups = "test_serving, test_above_policies";
    database.execute(&format!("CREATE ROLE {climber} LOGIN PASSWORD 'test' IN ROLE {groups}")).await;
    let climbing = Shell::on(&database).with("DATABASE_URL", &postgres(&database).url(&climber));
    let outcome = climbing.run("doctor");
    database.execute(&format!("DROP ROLE {climber}")).await;
    assert!(outcome.out().contains("may become test_above_policies, to which policies do not apply"));
    outcome.exited(1);
}

#[tokio::test]
async fn sqlite_as_made_is_fine_and_a_wrong_key_is_found() {
    let database = TestDatabase::sqlite().await;
    let shell = Shell::on(&database);
    let checks = [
        "foreign keys",
        "tenant columns",
        "keys",
        "places",
        "versions",
        "orphans",
        "tallies",
        "data keys",
        "canary",
        "cache",
    ];
    assert_eq!(all_fine(&shell), checks);
    database.execute("CREATE UNIQUE INDEX posts_title_key ON posts (title)").await;
    is_refused(&shell, "the key posts_title_key of the table posts does not begin with tenant_id");
}

#[tokio::test]
async fn what_is_wrong_with_one_tenants_place_is_found_and_names_the_tenant() {
    for (database, isolation, own) in [
        (TestDatabase::postgres().await, "schema", Own::Schema),
        (TestDatabase::postgres().await, "database", Own::Database),
        (TestDatabase::sqlite().await, "database", Own::Database),
    ] {
        let shell = Shell::on(&database);
        let made = shell.prints_json(&format!("tenant create acme --isolation {isolation} --json"));
        all_fine(&shell);
        let id = made["id"].as_str().expect("an id");
        database.execute_in(own, id, "CREATE UNIQUE INDEX leak ON users (email)").await;
        let outcome = shell.run("doctor").exited(1);
        let (out, err) = (outcome.out(), outcome.err());
        let said = "FAILED places: acme: the key leak of the table users does not begin with tenant_id";
        assert!(out.lines().any(|line| line == said), "{out}");
        assert!(err.contains("1 check failed"), "{err}");
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_a_failure_and_no_proof() {
    let away = "postgres://nobody:hunter2@127.0.0.1:1/none";
    let shell = Shell::bare().with("DATABASE_URL", away);
    let reason = shell.fails("doctor");
    assert!(reason.contains("the database cannot be opened"), "{reason}");
    assert!(!reason.contains("hunter2"), "{reason}");
}
