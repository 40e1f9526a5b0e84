//! How times look in answers, and in parameters.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// The years that RFC 3339 can tell.
const YEARS: std::ops::RangeInclusive<i32> = 0..=9999;

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

/// Reads a parameter that is a time in RFC 3339. Nothing beyond: the databases order and keep these years only.
/// For `#[serde(default, deserialize_with = "...")]`.
pub fn rfc3339_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let at = DateTime::parse_from_rfc3339(&text).ok().map(|at| at.to_utc());
    let at = at.filter(|at| YEARS.contains(&at.year()));
    at.map(Some).ok_or_else(|| D::Error::custom("must be a time in RFC 3339, such as 2026-01-31T00:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let text = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(text);
        rfc3339_if_any(text).ok().flatten().map(|at| at.to_rfc3339())
    }

    #[test]
    fn only_times_that_the_databases_can_keep_are_read() {
        assert_eq!(read("2026-01-31T01:30:00.5+01:30").unwrap(), "2026-01-31T00:00:00.500+00:00");
        assert!(read("0000-01-01T00:00:00Z").is_some() && read("9999-12-31T23:59:59Z").is_some());
        for odd in [
            "",
            "2026-01-31",
            "-0001-01-01T00:00:00Z",
            "-262143-01-01T00:00:00Z",
            "+262142-12-31T23:59:59Z",
            "10000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-00:01",
            "0000-01-01T00:00:00+00:01",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_whole_second_has_its_microseconds_too() {
        let at = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        assert_eq!(micros(&at, serde_json::value::Serializer).unwrap(), "2026-01-01T00:00:00.000000Z");
        assert!(micros_if_any(&None, serde_json::value::Serializer).unwrap().is_null());
    }
}
