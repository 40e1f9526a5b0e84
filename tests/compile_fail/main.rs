//! Ways out of a tenant, each as a program that must not compile.
//!
//! A program in `tests/ui/<group>/` tries to get at rows, connections or proofs that it has no right to. It is
//! compiled with exactly the crates that a handler can name, and must be refused for the very reason that the
//! `.stderr` beside it gives. Each group has an `allowed.rs`, which does the legitimate thing with the same imports
//! and must compile: so a program is never refused for an import that is merely out of date.
//!
//! After a deliberate change: `BLESS=1 cargo test --test compile_fail`, then read what `git diff tests/ui` says.

#[path = "../support/cargo.rs"]
mod cargo;
mod compiler;
mod programs;
mod refusal;

use compiler::Compiler;
use programs::{Program, in_parallel, programs};
use refusal::render;

#[test]
fn every_way_out_is_refused_for_its_own_reason() {
    let compiler = Compiler::new();
    let complaints = in_parallel(&programs(), |program| judge(&compiler, program));
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n\n"));
}

/// What is wrong with a program's fate, if anything is.
fn judge(compiler: &Compiler, program: &Program) -> Option<String> {
    let refusals = compiler.refusals(&program.path);
    let said = render(&refusals, &program.source);
    if program.is_allowed() {
        return (!said.is_empty()).then(|| format!("{program} must compile, but:\n{said}"));
    }
    if let Some(accepted) = program.attempts().into_iter().find(|attempt| !attempt.is_refused(&refusals)) {
        return Some(format!("{program} compiles {}: A WAY OUT IS OPEN\n{said}", accepted.name));
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(program.expected_path(), &said).expect("the expected refusal can be written");
    }
    let expected = std::fs::read_to_string(program.expected_path()).unwrap_or_default();
    (said != expected).then(|| format!("{program} is refused, but not as expected:\n{said}\nexpected:\n{expected}"))
}

#[test]
fn every_expected_refusal_has_a_program() {
    for expected in programs::files_ending("stderr") {
        assert!(expected.with_extension("rs").is_file(), "{} has no program", expected.display());
    }
}

#[test]
fn every_program_says_what_it_attempts_and_why_it_must_fail() {
    for program in programs() {
        let mut header = program.source.lines().take_while(|line| line.starts_with("//!"));
        assert!(header.next().is_some_and(|line| line.len() > "//! ".len()), "{program} says nothing");
        let says_why = program.source.lines().any(|line| line.starts_with("//! Must fail: "));
        assert_ne!(says_why, program.is_allowed(), "{program} must say why, unless it is allowed");
    }
}

#[test]
fn every_import_is_also_used_legitimately() {
    for program in programs() {
        let control = program.path.with_file_name("allowed.rs");
        let control = std::fs::read_to_string(&control).unwrap_or_else(|_| panic!("{} is missing", control.display()));
        let legitimate = programs::imports(&control);
        for import in programs::imports(&program.source) {
            assert!(legitimate.contains(&import), "{program} imports {import}, which no allowed program does");
        }
    }
}
