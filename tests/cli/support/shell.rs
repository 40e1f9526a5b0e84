//! Runs commands in an empty directory, with nothing in their environment but what the test puts there.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use testkit::TestDatabase;

use super::SECRET;

/// A place to run commands from.
pub(crate) struct Shell {
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl Shell {
    /// One without any setting.
    pub(crate) fn bare() -> Self {
        Self { directory: TempDir::new().expect("a temporary directory"), variables: Vec::new() }
    }

    /// One for this database, with a secret, and a free port for servers.
    pub(crate) fn on(database: &TestDatabase) -> Self {
        let variables = database.variables();
        let shell = variables.iter().fold(Self::bare(), |shell, (name, value)| shell.with(name, value));
        shell.with("JWT_SECRET", SECRET).with("BIND_ADDR", "127.0.0.1:0")
    }

    /// The same with this setting, in place of an earlier one.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same without this setting.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self
    }

    /// A setting's value.
    pub(crate) fn variable(&self, name: &str) -> &str {
        let found = self.variables.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str()).expect("it is set")
    }

    /// The directory that commands run in.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The command, ready to run. `line` is split at blanks; what has blanks of its own is added by the caller.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenantry"));
        command.args(line.split_whitespace()).current_dir(self.directory()).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, line: &str) -> Outcome {
        Outcome::of(line, self.command(line))
    }

    /// Runs a command that must succeed, and gives what it printed.
    pub(crate) fn prints(&self, line: &str) -> String {
        self.run(line).exited(0).out()
    }

    /// Runs a command that must succeed and print JSON.
    pub(crate) fn prints_json(&self, line: &str) -> Value {
        serde_json::from_str(&self.prints(line)).expect(line)
    }

    /// Runs a command that must fail, and gives the one line that says why. Nothing is logged unless the test asks for it.
    pub(crate) fn fails(&self, line: &str) -> String {
        let mut command = self.command(line);
        if !self.variables.iter().any(|(name, _)| name == "RUST_LOG") {
            command.env("RUST_LOG", "off");
        }
        let outcome = Outcome::of(line, command).exited(1);
        let reason = outcome.err();
        assert_eq!(reason.lines().count(), 1, "{line}: more than one line:\n{reason}");
        assert!(reason.starts_with("tenantry: "), "{line}: {reason}");
        reason.trim_end().to_owned()
    }
}

/// How a command ended.
pub(crate) struct Outcome {
    line: String,
    output: Output,
}

impl Outcome {
    /// Runs it to its end; a failure of the test tells that it is this `line`.
    pub(crate) fn of(line: &str, mut command: Command) -> Self {
        Self { line: line.to_owned(), output: command.output().expect("the binary runs") }
    }

    /// Fails the test if the exit status is another.
    pub(crate) fn exited(self, code: i32) -> Self {
        let (out, err) = (self.out(), self.err());
        assert_eq!(self.output.status.code(), Some(code), "{}\n--- out\n{out}\n--- err\n{err}", self.line);
        self
    }

    /// What it printed.
    pub(crate) fn out(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).expect("text")
    }

    /// What it complained about.
    pub(crate) fn err(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).expect("text")
    }
}
