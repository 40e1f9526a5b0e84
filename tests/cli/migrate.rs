//! `migrate`: from nothing to the newest version, once.

mod fleet;

use serde_json::{Value, json};
use testkit::TestDatabase;

use crate::support::{Shell, emptied, on_both_databases};

on_both_databases! {
    an_empty_database_is_brought_up_once,
    a_dry_run_changes_nothing,
    tenants_get_the_version_of_their_tables,
    slots_of_a_tally_that_looked_at_no_fence_are_closed,
}

/// Set and name of each migration, in order, and whether it is applied.
fn status(shell: &Shell) -> Vec<(String, bool)> {
    let name = |one: &Value| format!("{} {}", one["set"].as_str().unwrap(), one["name"].as_str().unwrap());
    let all = shell.prints_json("migrate status --json");
    all["migrations"].as_array().unwrap().iter().map(|one| (name(one), one["applied"].as_bool().unwrap())).collect()
}

async fn an_empty_database_is_brought_up_once(database: TestDatabase) {
    emptied(&database).await;
    let shell = Shell::on(&database);
    let before = status(&shell);
    assert!(before.len() >= 4 && before.iter().all(|(_, applied)| !applied), "{before:?}");

    let printed = shell.prints("migrate");
    let expected: Vec<_> = before.iter().map(|(name, _)| format!("applied {name}")).collect();
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
    assert!(status(&shell).iter().all(|(_, applied)| *applied));

    assert_eq!(shell.prints("migrate"), "nothing to do: the tables are of the newest version\n");
    let nothing = json!({"applied": [], "tenants": 0, "migrated": 0, "failed": [], "left": 0});
    assert_eq!(shell.prints_json("migrate --json"), nothing);
    shell.prints("tenant create acme");
}

async fn a_dry_run_changes_nothing(database: TestDatabase) {
    emptied(&database).await;
    let shell = Shell::on(&database);
    let before = status(&shell);
    let printed = shell.prints("migrate --dry-run");
    let expected: Vec<_> = before.iter().map(|(name, _)| format!("would apply {name}")).collect();
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
    let json = shell.prints_json("migrate --dry-run --json");
    assert!(json["applied"].as_array().unwrap().iter().all(|one| one["applied"] == false), "{json}");
    assert_eq!(status(&shell), before);
    assert!(shell.fails("tenant list").contains("no tables yet: run `tenantry migrate`"));
}

async fn tenants_get_the_version_of_their_tables(database: TestDatabase) {
    let shell = Shell::on(&database);
    let made = shell.prints_json("tenant create acme --json");
    database.execute("UPDATE tenants SET schema_version = 0").await;
    shell.prints("migrate");
    assert_eq!(shell.prints_json("tenant show acme --json")["schema_version"], made["schema_version"]);
}

async fn slots_of_a_tally_that_looked_at_no_fence_are_closed(database: TestDatabase) {
    let shell = Shell::on(&database);
    shell.prints("tenant create acme");
    for slot in ["-1, 0, 0, -1, -5", "0, 1, 10, 2, 20", "3, 0, 0, 5, 50", "12, 1, 7, 0, 0"] {
        database.execute(&format!("INSERT INTO tallies SELECT id, {slot} FROM tenants")).await;
    }
    database.execute("DELETE FROM tenant_migrations WHERE version = 'm0007_counting'").await;
    assert!(shell.prints("migrate").contains("m0007_counting"));
    assert_eq!(database.number("SELECT count(*) FROM tallies").await, 2);
    for (column, sum) in [("users_rows", 2), ("users_bytes", 17), ("posts_rows", 7), ("posts_bytes", 70)] {
        assert_eq!(database.number(&format!("SELECT {column} FROM tallies WHERE slot = 0")).await, sum, "{column}");
    }
}

#[test]
fn the_default_database_is_made_with_its_directory() {
    let shell = Shell::bare();
    shell.prints("migrate");
    assert!(shell.directory().join("data/tenantry.db").is_file());
}

#[test]
fn the_table_of_migrations_can_be_read_by_people() {
    let shell = Shell::bare();
    let pending = shell.prints("migrate status");
    assert!(pending.starts_with("SET") && pending.contains("pending") && !pending.contains("applied"), "{pending}");
    shell.prints("migrate");
    let applied = shell.prints("migrate status");
    assert!(!applied.contains("pending") && applied.contains("applied"), "{applied}");
}

#[tokio::test]
async fn two_that_run_at_once_do_not_disturb_each_other() {
    let database = TestDatabase::postgres().await;
    emptied(&database).await;
    let shell = Shell::on(&database);
    let both = [(); 2].map(|()| shell.command("migrate").spawn().expect("the binary runs"));
    for mut one in both {
        assert_eq!(one.wait().expect("a child").code(), Some(0));
    }
    assert!(status(&shell).iter().all(|(_, applied)| *applied));
}

#[tokio::test]
async fn a_database_of_an_older_version_is_not_served() {
    let database = TestDatabase::postgres().await;
    database
        .execute("DELETE FROM tenant_migrations WHERE version = (SELECT max(version) FROM tenant_migrations)")
        .await;
    let shell = Shell::on(&database);
    for line in ["serve", "tenant list", "doctor"] {
        let reason = shell.fails(line);
        assert!(reason.contains("lacks 1 migration(s)") && reason.contains("run `tenantry migrate`"), "{reason}");
    }
}
