//! The start-up check must notice every way in which a database stops keeping tenants apart.

use migration::{CATALOG_TABLES, DEPARTURES, TALLIES, TENANT_TABLES};
use sea_orm::Statement;
use testkit::TestDatabase;

use super::{open_test, settings};
use crate::connection::Lease;
use crate::database::{OpenError, open};
use crate::error::Keys;
use crate::guard;

/// What somebody did to the database, and words of the sentence that must say so.
const SABOTAGE: &[(&str, &str)] = &[
    ("ALTER TABLE posts DISABLE ROW LEVEL SECURITY", "not enabled on the table posts"),
    ("ALTER TABLE users NO FORCE ROW LEVEL SECURITY", "not forced on the table users"),
    ("DROP POLICY tenant_isolation ON users", "the table users has no policy"),
    ("DROP POLICY tenant_isolation ON tenants", "the table tenants has no policy"),
    ("ALTER POLICY tenant_isolation ON posts USING (true)", "the table posts has no policy"),
    ("ALTER POLICY tenant_isolation ON posts WITH CHECK (true)", "the table posts has no policy"),
    ("CREATE POLICY more ON users FOR SELECT USING (true)", "policy more on the table users lets"),
    ("CREATE POLICY more ON users TO test_serving USING (true)", "policy more on the table users lets"),
    ("CREATE TABLE invoices (tenant_id uuid, id uuid, PRIMARY KEY (tenant_id, id))", "on the table invoices"),
    ("ALTER TABLE posts DROP COLUMN tenant_id CASCADE", "the table posts has no column tenant_id"),
    ("CREATE UNIQUE INDEX leak ON users (email)", "the key leak of the table users"),
    ("ALTER TABLE posts OWNER TO test_serving", "owns the table posts"),
    ("DROP POLICY platform_access ON users", "platform role test_platform does not reach the rows of the table users"),
    ("CREATE VIEW every AS SELECT * FROM posts; GRANT SELECT ON every TO test_serving", "may read the view every"),
    (
        "CREATE FUNCTION every() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*) FROM posts'",
        "may call the function every",
    ),
    ("GRANT CREATE ON SCHEMA public TO test_serving", "may create objects"),
];

async fn findings(database: &TestDatabase) -> Vec<String> {
    let checks = guard::examine(&open_test(database)).await.unwrap();
    checks.into_iter().filter(|check| !check.ok).map(|check| check.finding).collect()
}

#[tokio::test]
async fn a_database_as_migrations_leave_it_is_fine() {
    assert_eq!(findings(&TestDatabase::postgres().await).await, [""; 0]);
    assert_eq!(findings(&TestDatabase::sqlite().await).await, [""; 0]);
}

/// A table that is in neither list is granted to nobody and looked at by nobody.
#[tokio::test]
async fn every_table_is_listed_as_the_catalogs_or_the_tenants() {
    let database = TestDatabase::sqlite().await;
    let place = &open_test(&database).serving;
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'";
    let statement = Statement::from_string(place.backend(), tables);
    let rows = Lease::read_alone(place, statement, Keys::default()).await.unwrap();
    let listed =
        [&["catalog_migrations", "tenant_migrations"], CATALOG_TABLES, TENANT_TABLES, &[DEPARTURES, TALLIES]].concat();
    let unlisted: Vec<String> = rows
        .iter()
        .map(|row| row.try_get_by_index::<String>(0).unwrap())
        .filter(|table| !listed.contains(&table.as_str()))
        .collect();
    assert_eq!(unlisted, [""; 0], "not in TENANT_TABLES");
}

#[tokio::test]
async fn every_sabotage_is_noticed() {
    for (sql, expected) in SABOTAGE {
        let database = TestDatabase::postgres().await;
        database.execute(sql).await;
        let findings = findings(&database).await;
        assert!(findings.iter().any(|finding| finding.contains(expected)), "{sql}: {findings:?}");
    }
}

#[tokio::test]
async fn sqlite_keys_are_looked_at() {
    let database = TestDatabase::sqlite().await;
    database.execute("CREATE UNIQUE INDEX leak ON users (email)").await;
    assert!(findings(&database).await[0].contains("the key leak of the table users"));
}

#[tokio::test]
async fn a_role_above_the_policies_is_not_served() {
    let TestDatabase::Postgres(database) = TestDatabase::postgres().await else { unreachable!("it is PostgreSQL") };
    for (url, expected) in [
        (database.superuser_url(), "is a superuser"),
        (database.url("test_above_policies"), "has BYPASSRLS"),
        (database.url("test_owner"), "owns the table"),
        (database.url("test_platform"), "platform_access"),
    ] {
        let mut variables = database.variables();
        variables[0].1 = url;
        match open(&settings(&variables)).await {
            Err(OpenError::Unsafe(findings)) => {
                assert!(findings.iter().any(|finding| finding.contains(expected)), "{expected}: {findings:?}");
            }
            other => panic!("{expected}: {:?}", other.map(|_| "opened")),
        }
    }
}

#[tokio::test]
async fn a_database_without_tables_is_not_served() {
    let database = TestDatabase::sqlite().await;
    database.execute("DELETE FROM tenant_migrations").await;
    let opened = open(&super::settings(&database.variables())).await;
    assert!(matches!(opened, Err(OpenError::NotMigrated(pending)) if pending.tenant > 0 && !pending.is_empty));
}
