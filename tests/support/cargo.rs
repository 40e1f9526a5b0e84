//! Asks cargo about this workspace.

use std::process::{Command, Stdio};

use serde_json::Value;

/// The cargo that runs this test.
fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).stderr(Stdio::inherit());
    cargo
}

/// The answer of one cargo command, which must succeed.
pub(crate) fn answer(arguments: &[&str]) -> String {
    let output = cargo().args(arguments).args(["--locked", "--offline"]).output().expect("cargo can be run");
    assert!(output.status.success(), "cargo {} failed", arguments.join(" "));
    String::from_utf8(output.stdout).expect("cargo answers in UTF-8")
}

/// `cargo metadata`: every package, and who depends on whom on this machine.
pub(crate) fn metadata() -> Value {
    let platform = rustc_host();
    let arguments = ["metadata", "--format-version", "1", "--filter-platform", &platform];
    serde_json::from_str(&answer(&arguments)).expect("cargo metadata answers in JSON")
}

/// The packages that this one is built with: the name by which its code calls each, and the package's id.
pub(crate) fn built_with<'m>(metadata: &'m Value, package: &str) -> Vec<(&'m str, &'m str)> {
    let node =
        list(&metadata["resolve"]["nodes"]).find(|node| node["id"] == *package).expect("a node for each package");
    list(&node["deps"])
        .filter(|dependency| list(&dependency["dep_kinds"]).any(|kind| kind["kind"] != "dev"))
        .map(|dependency| (text(&dependency["name"]), text(&dependency["pkg"])))
        .collect()
}

/// The id of the package that this test belongs to.
pub(crate) fn root(metadata: &Value) -> &str {
    text(&metadata["resolve"]["root"])
}

/// The id of the package with this name, of which there must be one.
pub(crate) fn package<'m>(metadata: &'m Value, name: &str) -> &'m str {
    let package = list(&metadata["packages"]).find(|package| package["name"] == *name);
    text(&package.unwrap_or_else(|| panic!("there is no package {name}"))["id"])
}

pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

/// Dependencies of other platforms need not have been fetched.
fn rustc_host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc can be run");
    let version = String::from_utf8(output.stdout).expect("rustc answers in UTF-8");
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc names its host").to_owned()
}
