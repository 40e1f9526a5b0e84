//! The doctor looks at every tenant in every place, and at places that belong to nobody.

use std::sync::Arc;

use testkit::{Own, TestDatabase};
use uuid::Uuid;

use super::fleet::make;
use super::{recorder, settings};
use crate::doctor::examine;
use crate::settings::own_name;
use crate::vocabulary::Isolation;

/// An installation with a tenant in each kind of place.
struct Scene {
    test: TestDatabase,
    schema: Uuid,
    database: Uuid,
    shared: Uuid,
}

impl Scene {
    async fn postgres() -> Self {
        let test = TestDatabase::postgres().await;
        let schema = make(&test.variables(), Isolation::Schema, None, 1).await[0];
        Self::with(test, schema).await
    }

    async fn sqlite() -> Self {
        Self::with(TestDatabase::sqlite().await, Uuid::nil()).await
    }

    async fn with(test: TestDatabase, schema: Uuid) -> Self {
        let variables = test.variables();
        let database = make(&variables, Isolation::Database, None, 1).await[0];
        let shared = make(&variables, Isolation::Shared, None, 1).await[0];
        let scene = Self { test, schema, database, shared };
        // Slugs by which sentences name them.
        for (id, slug) in [(schema, "in-schema"), (database, "in-database"), (shared, "in-shared")] {
            scene.update(id, &format!("slug = '{slug}'")).await;
        }
        scene
    }

    async fn update(&self, tenant: Uuid, change: &str) {
        let id = match self.test {
            TestDatabase::Postgres(_) => format!("'{tenant}'"),
            TestDatabase::Sqlite(_) => format!("x'{}'", tenant.simple()),
        };
        self.test.execute(&format!("UPDATE tenants SET {change} WHERE id = {id}")).await;
    }

    async fn in_schema(&self, sql: &str) {
        self.test.execute_in(Own::Schema, &self.schema.to_string(), sql).await;
    }

    async fn in_database(&self, sql: &str) {
        self.test.execute_in(Own::Database, &self.database.to_string(), sql).await;
    }

    /// What is wrong: `check: sentence`.
    async fn findings(&self) -> Vec<String> {
        let checks = examine(&settings(&self.test.variables())).await.unwrap();
        let wrong = checks.into_iter().filter(|check| !check.ok);
        wrong.map(|check| format!("{}: {}", check.name, check.finding)).collect()
    }
}

#[tokio::test]
async fn tenants_as_they_were_made_are_fine() {
    for scene in [Scene::postgres().await, Scene::sqlite().await] {
        assert_eq!(scene.findings().await, [""; 0]);
    }
}

#[tokio::test]
async fn what_is_wrong_in_a_tenants_own_place_is_found() {
    for (sql, expected) in [
        ("ALTER TABLE users NO FORCE ROW LEVEL SECURITY", "row-level security is not forced on the table users"),
        ("DROP POLICY tenant_isolation ON posts", "the table posts has no policy tenant_isolation that holds every"),
        (
            "CREATE POLICY more ON users FOR SELECT USING (true)",
            "the policy more on the table users lets the serving role",
        ),
        ("ALTER TABLE posts DROP COLUMN tenant_id CASCADE", "the table posts has no column tenant_id"),
        ("CREATE UNIQUE INDEX leak ON users (email)", "the key leak of the table users does not begin with tenant_id"),
        ("ALTER TABLE posts OWNER TO test_serving", "the serving role test_serving owns the table posts"),
        ("GRANT ALL ON posts TO test_serving", "the serving role test_serving may truncate the table posts"),
        (
            "CREATE VIEW every AS SELECT * FROM posts; GRANT SELECT ON every TO test_serving",
            "the serving role may read the view every",
        ),
    ] {
        let scene = Scene::postgres().await;
        scene.in_schema(sql).await;
        scene.in_database(sql).await;
        let [finding] = &scene.findings().await[..] else { panic!("{sql}: {:?}", scene.findings().await) };
        assert!(finding.starts_with("places: "), "{finding}");
        for slug in ["in-schema", "in-database"] {
            assert!(finding.contains(&format!("{slug}: {expected}")), "{sql}: {finding}");
        }
    }
}

#[tokio::test]
async fn changes_of_the_catalog_that_are_not_counted_are_found() {
    let test = TestDatabase::postgres().await;
    test.execute("ALTER TABLE tenants DISABLE TRIGGER count_change; DROP TRIGGER count_change ON tenant_domains").await;
    let checks = examine(&settings(&test.variables())).await.unwrap();
    let cache = checks.iter().find(|check| check.name == "cache").unwrap();
    for table in ["tenants", "tenant_domains"] {
        let sentence = format!("changes of the table {table} are not counted");
        assert!(!cache.ok && cache.finding.contains(&sentence), "{}", cache.finding);
    }
}

#[tokio::test]
async fn a_wrong_key_in_a_file_is_found() {
    let scene = Scene::sqlite().await;
    scene.in_database("CREATE UNIQUE INDEX leak ON users (email)").await;
    let expected = "places: in-database: the key leak of the table users does not begin with tenant_id";
    assert_eq!(scene.findings().await, [expected]);
}

#[tokio::test]
async fn a_place_that_is_missing_is_found() {
    let scene = Scene::postgres().await;
    let (schema, database) = (own_name(scene.schema), own_name(scene.database));
    scene.test.execute(&format!("DROP SCHEMA {schema} CASCADE")).await;
    scene.test.execute(&format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false")).await;
    scene.update(scene.shared, "datastore = 'west'").await;
    let [finding] = &scene.findings().await[..] else { panic!("{:?}", scene.findings().await) };
    for sentence in [
        format!("in-schema: its schema {schema} is missing"),
        "in-database could not be looked at: ".to_owned(),
        "in-shared is placed on west, which DATASTORES does not name".to_owned(),
    ] {
        assert!(finding.contains(&sentence), "{sentence}: {finding}");
    }
    scene.test.execute(&format!("DROP DATABASE {database} WITH (FORCE)")).await;
    let finding = scene.findings().await.concat();
    assert!(finding.contains(&format!("in-database: its database {database} is missing")), "{finding}");
    // Whoever is still being made may have no place yet.
    for tenant in [scene.schema, scene.database] {
        scene.update(tenant, "status = 'provisioning'").await;
    }
    scene.update(scene.shared, "datastore = NULL").await;
    assert_eq!(scene.findings().await, [""; 0]);
}

#[tokio::test]
async fn a_version_that_is_not_the_noted_one_is_found() {
    let scene = Scene::postgres().await;
    let forget = "DELETE FROM tenant_migrations WHERE version = 'm0003_departures'";
    scene.in_schema(forget).await;
    scene.in_database(forget).await;
    scene.update(scene.shared, "schema_version = 1").await;
    let [finding] = &scene.findings().await[..] else { panic!("{:?}", scene.findings().await) };
    assert!(finding.starts_with("versions: "), "{finding}");
    let newest = migration::TENANT.newest();
    for sentence in [
        format!("in-schema is noted at version {newest}, its tables have {}", newest - 1),
        format!("in-database is noted at version {newest}, its tables have {}", newest - 1),
        format!("in-shared is noted at version 1, its tables have {newest}"),
    ] {
        assert!(finding.contains(&*sentence), "{sentence}: {finding}");
    }
}

#[tokio::test]
async fn places_of_nobody_are_found_and_those_of_others_are_not() {
    let scene = Scene::postgres().await;
    let stray = own_name(Uuid::now_v7());
    scene.test.execute(&format!("CREATE SCHEMA {stray}; CREATE SCHEMA tenant_other; CREATE SCHEMA tenants")).await;
    // Another installation's on the same server: without our mark.
    let foreign = own_name(Uuid::now_v7());
    scene.test.execute(&format!("CREATE DATABASE {foreign}")).await;
    let row = format!("DELETE FROM tenant_versions; DELETE FROM tenants WHERE id = '{}'", scene.database);
    scene.test.execute(&row).await;
    let findings = scene.findings().await;
    scene.test.execute(&format!("DROP DATABASE {foreign}")).await;
    let (stray, gone) = (
        format!("the schema {stray} on the first server is no tenant's"),
        format!("the database {} on the first server is no tenant's", own_name(scene.database)),
    );
    assert_eq!(findings, [format!("orphans: {stray}; {gone}")]);
}

#[tokio::test]
async fn files_that_are_missing_or_nobodys_are_found() {
    let scene = Scene::sqlite().await;
    let TestDatabase::Sqlite(file) = &scene.test else { panic!("it is a file") };
    let directory = file.path().with_file_name("tenantry-tenants");
    let (own, stray) = (own_name(scene.database), own_name(Uuid::now_v7()));
    std::fs::rename(directory.join(format!("{own}.db")), directory.join(format!("{stray}.db"))).unwrap();
    std::fs::write(directory.join("notes.db"), "no tenant's, and nothing to us").unwrap();
    assert_eq!(
        scene.findings().await,
        [
            format!("places: in-database: its file {own} is missing"),
            format!("orphans: the file {stray} on the first server is no tenant's"),
        ]
    );
    assert!(!directory.join(format!("{own}.db")).exists(), "looking for it did not make it");
}

#[tokio::test]
async fn another_server_is_looked_at_too() {
    let (scene, there) = (Scene::postgres().await, TestDatabase::postgres().await);
    let mut variables = scene.test.variables();
    variables.push(("DATASTORES", format!("east={}", there.server().url("test_owner"))));
    let tenant = make(&variables, Isolation::Schema, Some("east"), 1).await[0];
    there.execute(&format!("DROP POLICY tenant_isolation ON users; CREATE SCHEMA {}", own_name(Uuid::nil()))).await;
    there.execute_in(Own::Schema, &tenant.to_string(), "ALTER TABLE posts DISABLE ROW LEVEL SECURITY").await;
    let checks = examine(&settings(&variables)).await.unwrap();
    let found = |name: &str| checks.iter().find(|check| check.name == name).unwrap().finding.clone();
    assert!(found("places").contains("the server east: the table users has no policy"), "{checks:?}");
    assert!(found("places").contains(": row-level security is not enabled on the table posts"), "{checks:?}");
    assert!(found("orphans").ends_with(&format!("{} on the server east is no tenant's", own_name(Uuid::nil()))));

    variables.last_mut().unwrap().1 = "east=postgres://127.0.0.1:1/none".to_owned();
    let checks = examine(&settings(&variables)).await.unwrap();
    let places = checks.iter().find(|check| check.name == "places").unwrap();
    assert!(places.finding.contains("the server east could not be looked at: "), "{places:?}");
}

#[tokio::test]
async fn without_a_role_that_sees_every_tenant_it_says_so() {
    let scene = Scene::postgres().await;
    let mut variables = scene.test.variables();
    variables.truncate(1);
    let checks = examine(&settings(&variables)).await.unwrap();
    for name in ["places", "versions", "orphans", "tallies"] {
        let check = checks.iter().find(|check| check.name == name).unwrap();
        assert!(!check.ok && check.finding.starts_with("could not be looked at: "), "{check:?}");
    }
}

/// A thousand schemas are not a thousand times as many statements: only what each tenant has is counted by one of its own.
#[tokio::test]
async fn more_schemas_are_no_more_statements() {
    let test = TestDatabase::postgres().await;
    let mut counts = Vec::new();
    for more in [1, 9] {
        make(&test.variables(), Isolation::Schema, None, more).await;
        let (sent, observer) = recorder();
        let observed = settings(&test.variables()).observed_by(Arc::clone(&observer));
        assert!(examine(&observed).await.unwrap().iter().all(|check| check.ok));
        counts.push(sent.lock().unwrap().len());
    }
    assert_eq!(counts[0] + 9, counts[1]);
}
