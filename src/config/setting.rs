//! One variable at a time: found or not, well formed or a clear refusal.

use super::Secret;

/// Why the settings cannot be used; always one line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value that is not what the variable takes.
    #[error("{variable}={value:?}: it takes {takes}")]
    Value {
        /// The variable's name.
        variable: &'static str,
        /// What it was set to.
        value: String,
        /// What it can be set to.
        takes: &'static str,
    },
    /// A secret that is too short; its value is not repeated.
    #[error("{variable}: it takes at least {at_least} bytes, not {found}")]
    ShortSecret {
        /// The variable's name.
        variable: &'static str,
        /// The least number of bytes.
        at_least: usize,
        /// The number of bytes it has.
        found: usize,
    },
    /// Bytes that are no UTF-8; they are not repeated, as they may be a secret.
    #[error("{variable}: it takes text in UTF-8")]
    NotText {
        /// The variable's name.
        variable: String,
    },
    /// A value that the data crate refused.
    #[error(transparent)]
    Database(#[from] entity::SettingError),
    /// `.env` is there but cannot be read.
    #[error(".env: {0}")]
    File(String),
}

/// Reads variables by name. An empty value, or one of blanks only, counts as not set.
pub(super) struct Settings<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Settings<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup }
    }

    pub(super) fn text(&self, variable: &str) -> Option<String> {
        let text = (self.lookup)(variable)?;
        let trimmed = text.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }

    /// A secret is taken as it is: its blanks may be meant.
    pub(super) fn secret(&self, variable: &'static str, at_least: usize) -> Result<Option<Secret>, ConfigError> {
        match (self.lookup)(variable).filter(|text| !text.is_empty()) {
            Some(text) if text.len() < at_least => {
                Err(ConfigError::ShortSecret { variable, at_least, found: text.len() })
            }
            text => Ok(text.map(Secret::new)),
        }
    }

    pub(super) fn optional<T>(
        &self,
        variable: &'static str,
        takes: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        self.text(variable).map(|value| read(variable, value, takes, parse)).transpose()
    }

    /// The default goes through the same parser, so it can be written as the documentation has it.
    pub(super) fn or<T>(
        &self,
        variable: &'static str,
        default: &str,
        takes: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let value = self.text(variable).unwrap_or_else(|| default.to_owned());
        read(variable, value, takes, parse)
    }
}

fn read<T>(
    variable: &'static str,
    value: String,
    takes: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, ConfigError> {
    parse(&value).ok_or(ConfigError::Value { variable, value, takes })
}
