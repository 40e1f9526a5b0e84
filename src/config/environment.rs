//! The environment, with `.env` behind it.

use std::cell::Cell;
use std::collections::HashMap;
use std::env::VarError;
use std::io::ErrorKind;
use std::path::Path;

use super::ConfigError;

const FORM: &str = "is not NAME=value; a value with blanks, # or $ needs single quotes around it";

/// What the environment says and, for variables that it does not have, `.env`.
///
/// The file is kept beside the environment, not written into it: changing the environment of a
/// process that already has threads is not safe.
#[derive(Debug, Default)]
pub struct Environment {
    file: HashMap<String, String>,
}

impl Environment {
    /// Reads `.env` in the working directory, if there is one.
    pub fn load() -> Result<Self, ConfigError> {
        Self::with_file(Path::new(".env"))
    }

    pub(super) fn with_file(path: &Path) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => parse(&text).map(|file| Self { file }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(ConfigError::File(format!("cannot be read: {error}"))),
        }
    }

    /// A variable's value. An empty one in the environment still hides the file's. Bytes that are no text are refused: to
    /// replace them by something else would make different secrets equal.
    pub fn get(&self, name: &str) -> Result<Option<String>, ConfigError> {
        match std::env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => Ok(self.file.get(name).cloned()),
            Err(VarError::NotUnicode(_)) => Err(ConfigError::NotText { variable: name.to_owned() }),
        }
    }

    /// Hands the variables to a reader, and answers with its result unless one that it asked for is no text.
    pub fn read<T>(
        &self,
        reader: impl FnOnce(&dyn Fn(&str) -> Option<String>) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        let refused = Cell::new(None);
        let value = reader(&|name| {
            self.get(name).unwrap_or_else(|error| {
                refused.set(Some(error));
                None
            })
        });
        refused.into_inner().map_or(value, Err)
    }
}

/// An error says where it is and never repeats the line: it may hold a secret.
fn parse(text: &str) -> Result<HashMap<String, String>, ConfigError> {
    let mut file = HashMap::new();
    let mut place = "the first line".to_owned();
    for entry in dotenvy::from_read_iter(text.trim_start_matches('\u{feff}').as_bytes()) {
        let (name, value) = entry.map_err(|_| ConfigError::File(format!("{place} {FORM}")))?;
        place = format!("the line after {name}");
        file.entry(name).or_insert(value);
    }
    Ok(file)
}
