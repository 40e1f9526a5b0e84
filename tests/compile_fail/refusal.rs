//! What the compiler says against a program, reduced to what matters.
//!
//! Kept are the code, the message, the line it is about and its label. Left out are notes and suggestions, which quote
//! other crates' sources and list candidates, and the paths before the names of types: they change when nothing about
//! the program does.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use crate::cargo::{list, text};

/// One error.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Refusal {
    /// The line of the program; 0 if the error is about none.
    pub(crate) line: usize,
    code: String,
    message: String,
    label: String,
}

impl Refusal {
    /// Reads one diagnostic of `rustc --error-format json`; `None` when it is not an error about something.
    pub(crate) fn read(diagnostic: &str) -> Option<Self> {
        let diagnostic: Value = serde_json::from_str(diagnostic).expect("rustc was told to speak JSON");
        let span = list(&diagnostic["spans"]).find(|span| span["is_primary"] == true);
        let code = diagnostic["code"]["code"].as_str();
        // Without both it is the summary at the end.
        if diagnostic["level"] != "error" || (span.is_none() && code.is_none()) {
            return None;
        }
        Some(Self {
            line: span.map_or(0, line),
            code: code.map_or_else(|| "error".to_owned(), |code| format!("error[{code}]")),
            message: without_paths(text(&diagnostic["message"])),
            label: without_paths(span.and_then(|span| span["label"].as_str()).unwrap_or_default()),
        })
    }
}

/// The errors as they are kept, each once, in the order of the lines they are about.
pub(crate) fn render(refusals: &[Refusal], source: &str) -> String {
    let once: BTreeSet<&Refusal> = refusals.iter().collect();
    once.iter().fold(String::new(), |mut said, refusal| {
        let line = source.lines().nth(refusal.line.wrapping_sub(1)).unwrap_or_default().trim();
        let separator = if said.is_empty() { "" } else { "\n" };
        writeln!(said, "{separator}{}: {}\n  > {line}", refusal.code, refusal.message).expect("a string takes all");
        if !refusal.label.is_empty() {
            writeln!(said, "  {}", refusal.label).expect("a string takes all");
        }
        said
    })
}

/// The line of the program itself, also for what a macro of another crate expands to.
fn line(span: &Value) -> usize {
    match &span["expansion"] {
        Value::Null => span["line_start"].as_u64().and_then(|line| line.try_into().ok()).unwrap_or(0),
        expansion => line(&expansion["span"]),
    }
}

/// `tenantry_entity::Filter<User>` becomes `Filter<User>`: whether the compiler writes the path depends on what else
/// in the whole build is called `Filter`.
fn without_paths(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("::") {
        let path = before.trim_end_matches(|character: char| character.is_ascii_lowercase() || character == '_');
        let is_path = path.len() < before.len() && after.starts_with(|first: char| first.is_ascii_alphabetic());
        kept.push_str(if is_path { path } else { before });
        if !is_path {
            kept.push_str("::");
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}
