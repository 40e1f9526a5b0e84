//! What stands in a marked column: `sealed:1:<key version>:<base64>`, or a plain text. A plain text that looks like the
//! former is stored as `sealed:0:<text>`, so that the two cannot be taken for each other.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What every text begins with that is not stored as it is.
const MARK: &str = "sealed:";

/// A plain text follows.
const ESCAPED: &str = "sealed:0:";

/// A key's version, `:` and a sealed text follow.
pub(super) const SEALED: &str = "sealed:1:";

/// A stored text, as it is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored<'t> {
    /// A plain text.
    Plain(&'t str),
    /// Sealed with this version of the tenant's key.
    Sealed { version: i32, body: &'t str },
    /// Once sealed, and damaged since.
    Damaged,
}

impl<'t> Stored<'t> {
    /// What stands in the column.
    pub(crate) fn read(stored: &'t str) -> Self {
        if let Some(text) = stored.strip_prefix(ESCAPED) {
            return Self::Plain(text);
        }
        let Some(rest) = stored.strip_prefix(SEALED) else { return Self::Plain(stored) };
        match rest.split_once(':').map(|(version, body)| (version.parse(), body)) {
            Some((Ok(version), body)) => Self::Sealed { version, body },
            _ => Self::Damaged,
        }
    }
}

pub(super) fn sealed(version: i32, bytes: &[u8]) -> String {
    let mut text = prefix(version);
    STANDARD.encode_string(bytes, &mut text);
    text
}

/// What every text begins with that is sealed with this version.
pub(super) fn prefix(version: i32) -> String {
    format!("{SEALED}{version}:")
}

/// The condition, on PostgreSQL, that what a column stores is not sealed.
pub(crate) fn is_plain(column: &str) -> String {
    format!("starts_with(\"{column}\", '{SEALED}') IS NOT TRUE")
}

/// A plain text, as it is stored.
pub(super) fn plain(text: String) -> String {
    if text.starts_with(MARK) { format!("{ESCAPED}{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_comes_back_whatever_it_begins_with() {
        for text in
            ["", "a", "sealed", "sealed:", "sealed:0:", "sealed:0:a", "sealed:1:1:AAAA", "sealed:2:x", "Sealed:1:1:A"]
        {
            assert_eq!(Stored::read(&plain(text.to_owned())), Stored::Plain(text), "{text}");
        }
    }

    #[test]
    fn a_text_from_before_is_read_as_it_is() {
        for text in ["hello", "sealed with a kiss", "sealed:tomorrow"] {
            assert_eq!(Stored::read(text), Stored::Plain(text));
        }
    }

    #[test]
    fn a_sealed_text_says_its_version() {
        let text = sealed(12, b"\0\x01");
        assert_eq!(Stored::read(&text), Stored::Sealed { version: 12, body: "AAE=" });
        assert!(text.starts_with(&prefix(12)) && !text.starts_with(&prefix(1)));
        assert_eq!(Stored::read("sealed:1:x:AAE="), Stored::Damaged);
        assert_eq!(Stored::read("sealed:1:7"), Stored::Damaged);
    }
}
