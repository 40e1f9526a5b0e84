//! How the size of a connection pool moves.

use std::time::Duration;

use super::{Get, SettingError, count, duration, number, wrong};

/// Between which bounds a pool's size moves, and when. Sizes are in connections, thresholds in percent of the size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolRules {
    /// The size a pool starts with and shrinks to.
    pub(crate) min: usize,
    /// The size no pool exceeds.
    pub(crate) max: usize,
    /// A pool grows when more than this is in use.
    pub(crate) grow_above: usize,
    /// By how much it grows.
    pub(crate) grow_by: usize,
    /// A pool shrinks when less than this is in use.
    pub(crate) shrink_below: usize,
    /// By how much it shrinks.
    pub(crate) shrink_by: usize,
    /// A connection that was not used for this long is closed, and so is the pool of a tenant's own database.
    pub(crate) idle: Duration,
}

impl PoolRules {
    pub(super) fn from_lookup(get: Get<'_>) -> Result<Self, SettingError> {
        let rules = Self {
            min: count(get, "POOL_MIN", 5)?,
            max: count(get, "POOL_MAX", 50)?,
            grow_above: number(get, "POOL_GROW_ABOVE", 80, 1..=100)?,
            grow_by: count(get, "POOL_GROW_BY", 10)?,
            shrink_below: number(get, "POOL_SHRINK_BELOW", 30, 0..=99)?,
            shrink_by: count(get, "POOL_SHRINK_BY", 5)?,
            idle: duration(get, "POOL_IDLE", "1m")?,
        };
        if rules.min > rules.max {
            return Err(wrong("POOL_MIN", "takes at most what POOL_MAX is"));
        }
        if rules.shrink_below >= rules.grow_above {
            return Err(wrong("POOL_SHRINK_BELOW", "takes less than what POOL_GROW_ABOVE is"));
        }
        Ok(rules)
    }
}
