//! What is kept in memory, how much of it and for how long.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Get, SettingError, duration, size_in_bytes, wrong};

/// Sizes that the cache of one process can have, in bytes.
const SIZES: RangeInclusive<u64> = 64 << 10..=64 << 30;

#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheSettings {
    pub(crate) mode: CacheMode,
    /// Longest that a row or list is kept.
    pub(crate) ttl: Duration,
    /// Longest that what another process has changed goes unnoticed, where there is no Redis to say so.
    pub(crate) tenant_ttl: Duration,
    /// Bytes that this process keeps.
    pub(crate) size: u64,
}

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheMode {
    Off,
    /// Which tenant a name names, and no rows.
    Tenants,
    On,
    /// The same; and no other process writes rows.
    Alone,
}

impl CacheSettings {
    pub(super) fn from_lookup(get: Get<'_>, request_timeout: Duration) -> Result<Self, SettingError> {
        let mode = match get("CACHE").as_deref().map(str::trim) {
            None | Some("on") => CacheMode::On,
            Some("alone") => CacheMode::Alone,
            Some("tenants") => CacheMode::Tenants,
            Some("off") => CacheMode::Off,
            Some(_) => {
                return Err(wrong("CACHE", "takes on, off, tenants, or alone: no other process serves this database"));
            }
        };
        Ok(Self {
            mode,
            ttl: duration(get, "CACHE_TTL", "60s")?,
            tenant_ttl: tenant_ttl(get, request_timeout)?,
            size: get("CACHE_SIZE")
                .map_or(Some(64 << 20), |text| size_in_bytes(text.trim()).filter(|size| SIZES.contains(size)))
                .ok_or_else(|| wrong("CACHE_SIZE", "takes a size from 64KiB to 64GiB, such as 64MiB"))?,
        })
    }
}

/// A request may be admitted to a place that its tenant left this long ago, and that place is kept for little longer than a request.
fn tenant_ttl(get: Get<'_>, request_timeout: Duration) -> Result<Duration, SettingError> {
    let longest = request_timeout / 2;
    if get("TENANT_CACHE_TTL").is_none() {
        return Ok(Duration::from_secs(1).min(longest));
    }
    let ttl = duration(get, "TENANT_CACHE_TTL", "1s")?;
    if ttl > longest {
        return Err(wrong("TENANT_CACHE_TTL", "takes at most half of what REQUEST_TIMEOUT is"));
    }
    Ok(ttl)
}

#[cfg(test)]
mod tests {
    use crate::settings::DatabaseSettings;

    fn settings(pairs: &[(&str, &str)]) -> Result<DatabaseSettings, String> {
        let find = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        DatabaseSettings::from_lookup(&find).map_err(|error| error.to_string())
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        let wrong = [
            ("CACHE", "maybe"),
            ("CACHE_TTL", "soon"),
            ("CACHE_SIZE", "12"),
            ("CACHE_SIZE", "much"),
            ("TENANT_CACHE_TTL", "20s"),
            ("REDIS_URL", "localhost"),
        ];
        for (variable, value) in wrong {
            let message = settings(&[(variable, value)]).unwrap_err();
            assert!(message.starts_with(&format!("{variable} takes ")), "{message}");
        }
    }
}
