//! Who may depend on a database.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cargo::{built_with, list, metadata, package, root, text};

/// Crates with which SQL can be run, by how their names begin.
const DATABASE_CRATES: &[&str] = &[
    "deadpool-postgres",
    "diesel",
    "libsqlite3-sys",
    "mysql",
    "postgres",
    "rusqlite",
    "sea-orm",
    "sea-query",
    "sea-schema",
    "sqlx",
    "tiberius",
    "tokio-postgres",
];

/// The data crate: the one way to the database.
const DATA_CRATE: &str = "tenantry-entity";

#[test]
fn only_the_data_crate_and_the_tests_depend_on_a_database() {
    let metadata = metadata();
    let members: BTreeSet<&str> = list(&metadata["workspace_members"]).map(text).collect();
    let members = list(&metadata["packages"]).filter(|package| members.contains(text(&package["id"])));
    let users = members.filter(|member| directly(member).into_iter().any(is_database_crate));
    let users: BTreeSet<&str> = users.map(|member| text(&member["name"])).collect();
    assert_eq!(users, BTreeSet::from([DATA_CRATE, "tenantry-testkit"]));
}

#[test]
fn the_application_reaches_a_database_through_the_data_crate_only() {
    let metadata = metadata();
    let data_crate = package(&metadata, DATA_CRATE);
    let mut reached = BTreeSet::new();
    let mut ahead = vec![root(&metadata)];
    while let Some(id) = ahead.pop() {
        if id != data_crate && reached.insert(id) {
            ahead.extend(built_with(&metadata, id).into_iter().map(|(_, dependency)| dependency));
        }
    }
    assert!(reached.len() > 100, "the application has more dependencies than {reached:?}");
    let names = list(&metadata["packages"]).filter(|package| reached.contains(text(&package["id"])));
    let databases: Vec<&str> =
        names.map(|package| text(&package["name"])).filter(|name| is_database_crate(name)).collect();
    assert!(databases.is_empty(), "a handler could come by {databases:?}");
}

#[test]
fn the_application_names_no_other_member_than_the_data_crate() {
    let metadata = metadata();
    let root = package_of(&metadata, root(&metadata));
    let members: Vec<&str> = directly(root).into_iter().filter(|name| name.starts_with("tenantry-")).collect();
    assert_eq!(members, [DATA_CRATE]);
}

#[test]
fn unsafe_code_is_forbidden_in_every_member() {
    let metadata = metadata();
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(read(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).contains("\nunsafe_code = \"forbid\"\n"));
    for member in list(&metadata["workspace_members"]) {
        let manifest = text(&package_of(&metadata, text(member))["manifest_path"]);
        assert!(
            read(manifest).contains("\n[lints]\nworkspace = true\n"),
            "{manifest} does not take the workspace's lints"
        );
    }
}

/// What a package's manifest asks for on any platform, other than for its tests.
fn directly(package: &Value) -> Vec<&str> {
    let dependencies = list(&package["dependencies"]).filter(|dependency| dependency["kind"] != "dev");
    dependencies.map(|dependency| text(&dependency["name"])).collect()
}

fn package_of<'m>(metadata: &'m Value, id: &str) -> &'m Value {
    list(&metadata["packages"]).find(|package| package["id"] == *id).expect("a package for each id")
}

fn is_database_crate(name: &str) -> bool {
    DATABASE_CRATES.iter().any(|beginning| name.starts_with(beginning))
}
