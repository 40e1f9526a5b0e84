//! What a tenant may use, as it is sent and shown.

use std::fmt;

use entity::Limits;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// The greatest whole number that every JSON reader takes exactly.
const GREATEST: u64 = (1 << 53) - 1;

/// What a tenant may use; whatever is absent is not limited.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Limits, example = json!({"requests_per_second": 50, "users": 1000}))]
pub struct LimitsView {
    /// Requests a second.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 9_007_199_254_740_991_u64)]
    requests_per_second: Option<u64>,
    /// Requests at the same time.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 9_007_199_254_740_991_u64)]
    concurrent_requests: Option<u64>,
    /// Users.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 9_007_199_254_740_991_u64)]
    users: Option<u64>,
    /// Posts.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 9_007_199_254_740_991_u64)]
    posts: Option<u64>,
    /// Bytes of all rows.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 9_007_199_254_740_991_u64)]
    storage_bytes: Option<u64>,
}

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    match Option::deserialize(deserializer)? {
        Some(count) if count > GREATEST => Err(D::Error::custom(format!("must be at most {GREATEST}"))),
        count => Ok(count),
    }
}

/// Reads limits from an object only: serde would also take a list, as the fields in their order.
pub(super) fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LimitsView, D::Error> {
    deserializer.deserialize_map(ObjectOnly)
}

/// The same where they may be absent, but not `null`.
pub(super) fn given_object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<LimitsView>, D::Error> {
    object(deserializer).map(Some)
}

struct ObjectOnly;

impl<'de> Visitor<'de> for ObjectOnly {
    type Value = LimitsView;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LimitsView, A::Error> {
        LimitsView::deserialize(MapAccessDeserializer::new(map))
    }
}

impl From<Limits> for LimitsView {
    fn from(limits: Limits) -> Self {
        let Limits { requests_per_second, concurrent_requests, users, posts, storage_bytes } = limits;
        Self { requests_per_second, concurrent_requests, users, posts, storage_bytes }
    }
}

impl From<LimitsView> for Limits {
    fn from(limits: LimitsView) -> Self {
        let LimitsView { requests_per_second, concurrent_requests, users, posts, storage_bytes } = limits;
        Self { requests_per_second, concurrent_requests, users, posts, storage_bytes }
    }
}
