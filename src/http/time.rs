//! How times look in answers.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serializer;

/// RFC 3339 in UTC with exactly microseconds: what the databases keep, and the same length every time.
/// For `#[serde(serialize_with = "...")]`.
pub fn micros<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// The same where there may be no time: `null` then.
pub fn micros_if_any<S: Serializer>(at: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => micros(at, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_second_has_its_microseconds_too() {
        let at = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        assert_eq!(micros(&at, serde_json::value::Serializer).unwrap(), "2026-01-01T00:00:00.000000Z");
        assert!(micros_if_any(&None, serde_json::value::Serializer).unwrap().is_null());
    }
}
