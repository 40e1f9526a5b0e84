//! The programs in `tests/ui/`.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use crate::refusal::Refusal;

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ui");

/// A program, in a group of its kind.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) source: String,
}

/// One attempt of a program: a function of its own.
pub(crate) struct Attempt {
    pub(crate) name: String,
    lines: Range<usize>,
}

impl Program {
    /// Whether it does what a handler may do.
    pub(crate) fn is_allowed(&self) -> bool {
        self.path.ends_with("allowed.rs")
    }

    pub(crate) fn expected_path(&self) -> PathBuf {
        self.path.with_extension("stderr")
    }

    /// Every attempt that it makes; the whole program if it has no functions.
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        let end = self.source.lines().count() + 1;
        let functions = (1..).zip(self.source.lines()).filter_map(|(line, text)| {
            let rest = text.strip_prefix("pub async fn ").or_else(|| text.strip_prefix("pub fn "))?;
            Some((line, rest.split(['(', '<']).next().unwrap_or(rest).to_owned()))
        });
        let mut functions: Vec<(usize, String)> = functions.collect();
        if functions.is_empty() {
            functions.push((1, "as a whole".to_owned()));
        }
        let ends = functions.iter().skip(1).map(|(line, _)| *line).chain([end]).collect::<Vec<_>>();
        functions.into_iter().zip(ends).map(|((start, name), end)| Attempt { name, lines: start..end }).collect()
    }
}

impl Attempt {
    pub(crate) fn is_refused(&self, refusals: &[Refusal]) -> bool {
        refusals.iter().any(|refusal| self.lines.contains(&refusal.line))
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(&self.path).display())
    }
}

pub(crate) fn programs() -> Vec<Program> {
    let read = |path: PathBuf| Program { source: fs::read_to_string(&path).expect("a readable program"), path };
    let programs: Vec<Program> = files_ending("rs").into_iter().map(read).collect();
    assert!(!programs.is_empty(), "there are no programs in {DIRECTORY}");
    programs
}

/// The files of every group with this extension, in order.
pub(crate) fn files_ending(extension: &str) -> Vec<PathBuf> {
    let entries = |directory: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).expect("a readable directory");
        entries.map(|entry| entry.expect("a readable entry").path()).collect()
    };
    let groups = entries(Path::new(DIRECTORY)).into_iter().filter(|path| path.is_dir());
    let mut files: Vec<PathBuf> = groups.flat_map(|group| entries(&group)).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    files.sort();
    files
}

/// What a source imports of other crates than the standard library, each name by itself.
pub(crate) fn imports(source: &str) -> BTreeSet<String> {
    let imports = source.split("\nuse ").skip(1).filter_map(|rest| rest.split(';').next());
    let imports = imports.filter(|import| !import.starts_with("std::"));
    let names = imports.flat_map(|import| match import.split_once('{') {
        Some((path, names)) => {
            let names = names.trim_end_matches('}').split(',').map(str::trim).filter(|name| !name.is_empty());
            names.map(|name| format!("{path}{name}")).collect::<Vec<_>>()
        }
        None => vec![import.to_owned()],
    });
    names.collect()
}

/// Does the work for every program, on every core, and collects what it gives.
pub(crate) fn in_parallel<T: Send>(programs: &[Program], work: impl Fn(&Program) -> Option<T> + Sync) -> Vec<T> {
    let queue = Mutex::new(programs.iter());
    let next = || queue.lock().expect("no thread panicked while it took a program").next();
    let worker = || std::iter::from_fn(next).filter_map(&work).collect::<Vec<T>>();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no program made its judge panic")).collect()
    })
}
