//! The lines of an export: one JSON object each.
//!
//! The first says what it is and whose, the last how many rows there were; between them is a line for each row. Each line
//! begins with a sum over itself and the sum before it: where the first line is that was changed, left out or put in is
//! known as soon as it is read.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use uuid::Uuid;

use crate::rows::hex;
use crate::vocabulary::{Contents, Isolation, Limits};

/// The format below; another one is refused.
pub(super) const FORMAT: u32 = 1;

/// Digits of a line's sum.
const DIGITS: usize = 32;

/// Before and after a line's sum.
const BEFORE: &str = r#"{"sum":""#;
const AFTER: &str = r#"","#;

/// What a line says.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    Head(Box<Head>),
    Row { table: String, row: Map<String, Value> },
    End { end: BTreeMap<String, u64> },
}

/// The first line.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    /// Always `export`.
    pub(super) tenantry: String,
    pub(super) format: u32,
    pub(super) exported_at: DateTime<Utc>,
    pub(super) contents: Contents,
    pub(super) tenant: ImportedTenant,
    /// What sealed contents open with, as only the master key opens it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) data_keys: Vec<WrappedKey>,
}

/// A data key, as an export tells of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct WrappedKey {
    pub(super) version: i32,
    pub(super) wrapped: String,
    pub(super) master_key_id: String,
}

/// A tenant, as an export tells of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportedTenant {
    /// Its id where it was exported.
    pub id: Uuid,
    /// Its short name.
    pub slug: String,
    /// Its shown name.
    pub name: String,
    /// Where its rows were.
    pub isolation: Isolation,
    /// Whether it was suspended.
    pub suspended: bool,
    /// Custom domains that named it.
    pub domains: Vec<String>,
    /// What it might use.
    pub limits: Limits,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// The sum of the last line, which goes into the next.
#[derive(Default)]
pub(super) struct Chain(String);

impl Chain {
    /// A line with its sum and its end.
    pub(super) fn seal(&mut self, line: &Line) -> Result<String, serde_json::Error> {
        let content = serde_json::to_string(line)?;
        let rest = content.trim_start_matches('{');
        self.0 = self.next(rest);
        Ok(format!("{BEFORE}{}{AFTER}{rest}\n", self.0))
    }

    /// Reads a line, without its end, if its sum is right.
    pub(super) fn open(&mut self, text: &str) -> Result<Line, String> {
        let (sum, rest) = split(text).ok_or("is no line of an export")?;
        if self.next(rest) != sum {
            return Err("is not as it was exported, or a line before it is missing".to_owned());
        }
        sum.clone_into(&mut self.0);
        serde_json::from_str(&format!("{{{rest}")).map_err(|_| "is no line that this version knows".to_owned())
    }

    fn next(&self, rest: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.0);
        hash.update(rest);
        hex(&hash.finalize())[..DIGITS].to_owned()
    }
}

fn split(text: &str) -> Option<(&str, &str)> {
    let (sum, rest) = text.strip_prefix(BEFORE)?.split_at_checked(DIGITS)?;
    Some((sum, rest.strip_prefix(AFTER)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(number: u64) -> Line {
        let row = Map::from_iter([("id".to_owned(), Value::from(number)), ("text".to_owned(), Value::from("{\"}\n"))]);
        Line::Row { table: "posts".to_owned(), row }
    }

    fn sealed(lines: u64) -> Vec<String> {
        let mut chain = Chain::default();
        (0..lines).map(|number| chain.seal(&row(number)).unwrap().trim_end().to_owned()).collect()
    }

    fn first_wrong(lines: &[String]) -> Option<usize> {
        let mut chain = Chain::default();
        lines.iter().position(|line| chain.open(line).is_err())
    }

    #[test]
    fn lines_come_back_as_they_were() {
        let mut chain = Chain::default();
        for (number, line) in sealed(3).iter().enumerate() {
            assert_eq!(chain.open(line).unwrap(), row(number as u64));
        }
    }

    #[test]
    fn the_first_line_that_was_touched_is_known() {
        let lines = sealed(5);
        let mut edited = lines.clone();
        edited[2] = edited[2].replace("\"id\":2", "\"id\":7");
        assert_eq!(first_wrong(&edited), Some(2));
        let mut shorter = lines.clone();
        shorter.remove(1);
        assert_eq!(first_wrong(&shorter), Some(1));
        let mut swapped = lines.clone();
        swapped.swap(3, 4);
        assert_eq!(first_wrong(&swapped), Some(3));
        assert_eq!(first_wrong(&lines), None);
    }

    proptest! {
        /// No line breaks anything, and none is taken that was not sealed.
        #[test]
        fn no_text_is_a_line(text in "\\PC{0,200}", sum in "[0-9a-f]{32}", rest in "\\PC{0,100}") {
            let forged = format!("{BEFORE}{sum}{AFTER}{rest}");
            for text in [text, forged] {
                prop_assert!(Chain::default().open(&text).is_err(), "{}", text);
            }
        }

        /// A line with any one character changed is refused.
        #[test]
        fn a_line_that_was_touched_is_refused(at in 0_usize..1000, with in "\\PC") {
            let line = sealed(1).remove(0);
            let at = at % line.len();
            prop_assume!(line.is_char_boundary(at) && line[at..=at] != *with);
            let mut touched = line.clone();
            touched.replace_range(at..=at, &with);
            prop_assert!(Chain::default().open(&touched).is_err(), "{}", touched);
        }
    }
}
