//! The compiler, with exactly the crates that a handler can name.
//!
//! The programs are compiled against what cargo has built for this very test, so nothing is built twice: a program
//! takes a fraction of a second. A project of their own, such as `trybuild` makes, would have other compiler flags and
//! would build every dependency again; and it would offer the tests' own dependencies too, which no handler has.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::cargo::{self, list, text};
use crate::refusal::Refusal;

/// The group whose programs are compiled as if somebody had made the application depend on SeaORM.
const WITH_SEA_ORM: &str = "with_sea_orm";

pub(crate) struct Compiler {
    /// `name=path` for each crate that a handler can name.
    crates: Vec<String>,
    /// The same for SeaORM, which it cannot.
    sea_orm: String,
    /// Where the crates' own dependencies are found.
    directory: PathBuf,
}

/// A library that cargo has built.
struct Artifact {
    package: String,
    path: PathBuf,
    features: usize,
}

impl Compiler {
    pub(crate) fn new() -> Self {
        let metadata = cargo::metadata();
        let root = cargo::root(&metadata);
        let artifacts = artifacts();
        let named =
            |(name, package): (&str, &str)| format!("{name}={}", application_build(&artifacts, package).display());
        let entity = cargo::package(&metadata, "tenantry-entity");
        let sea_orm = cargo::built_with(&metadata, entity).into_iter().find(|(name, _)| *name == "sea_orm");
        let mut crates: Vec<String> = cargo::built_with(&metadata, root).into_iter().map(named).collect();
        crates.push(named(("tenantry", root)));
        let directory = application_build(&artifacts, entity).parent().expect("a library is in a directory").to_owned();
        Self { crates, sea_orm: named(sea_orm.expect("the data crate uses SeaORM")), directory }
    }

    /// What the compiler says against a program; nothing if it compiles.
    pub(crate) fn refusals(&self, program: &Path) -> Vec<Refusal> {
        let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc.args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "--error-format", "json"]);
        // As the workspace's lints have it.
        rustc.args(["--forbid", "unsafe_code", "--allow", "warnings"]);
        rustc.arg("--out-dir").arg(env!("CARGO_TARGET_TMPDIR"));
        // Programs of several groups may have the same name.
        let group = program.parent().and_then(Path::file_name).expect("a program is in a group");
        rustc.arg("-C").arg(format!("extra-filename=-{}", group.display()));
        rustc.arg("-L").arg(format!("dependency={}", self.directory.display()));
        let beyond = (group == WITH_SEA_ORM).then_some(&self.sea_orm);
        for name_and_path in self.crates.iter().chain(beyond) {
            rustc.args(["--extern", name_and_path]);
        }
        let output = rustc.arg(program).output().expect("rustc can be run");
        let said = String::from_utf8(output.stderr).expect("rustc speaks UTF-8");
        let refusals: Vec<Refusal> = said.lines().filter_map(Refusal::read).collect();
        assert_eq!(output.status.success(), refusals.is_empty(), "{}: rustc failed:\n{said}", program.display());
        refusals
    }
}

/// Cargo's list of what it has built for the workspace's tests. It builds what is lacking, which is nothing when the
/// whole workspace is being tested.
fn artifacts() -> Vec<Artifact> {
    let arguments =
        ["test", "--workspace", "--test", "compile_fail", "--no-run", "--quiet", "--message-format", "json"];
    let answer = cargo::answer(&arguments);
    let messages = answer.lines().map(|line| serde_json::from_str(line).expect("cargo was told to speak JSON"));
    messages.filter_map(|message: Value| Artifact::read(&message)).collect()
}

impl Artifact {
    fn read(message: &Value) -> Option<Self> {
        let kinds = &message["target"]["kind"];
        let is_library = list(kinds).any(|kind| kind == "lib" || kind == "rlib" || kind == "proc-macro");
        if message["reason"] != "compiler-artifact" || !is_library {
            return None;
        }
        let path = PathBuf::from(text(list(&message["filenames"]).last()?));
        let features = list(&message["features"]).count();
        Some(Self { package: text(&message["package_id"]).to_owned(), path, features })
    }
}

/// Cargo may have built a package twice, for the application and, with fewer features, for build scripts and macros.
fn application_build<'a>(artifacts: &'a [Artifact], package: &str) -> &'a Path {
    let builds = artifacts.iter().filter(|artifact| artifact.package == package);
    let build = builds.max_by_key(|artifact| artifact.features);
    &build.unwrap_or_else(|| panic!("cargo has not built {package}")).path
}
