//! How often the cache helped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use super::Area;

/// What looking into the cache came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// The answer was there: the database was not asked.
    Hit,
    /// It was not, and is now.
    Miss,
    /// The cache could not be used: what was asked for was being written, or Redis was away.
    Bypass,
}

/// Is told of every read of a tenant's rows that looked into the cache. For statistics: it is called in the middle of requests.
pub type LookObserver = Arc<dyn Fn(Uuid, Looked) + Send + Sync>;

/// How reads of one kind ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// Reads that needed no database.
    pub hits: u64,
    /// Reads whose answer is kept now.
    pub misses: u64,
    /// Reads past the cache.
    pub bypasses: u64,
}

/// The cache of this process, as it is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStatus {
    /// Whether it can be used now: it is on, and Redis answers if it is kept there.
    pub is_usable: bool,
    /// Tenants looked up by name.
    pub names: CacheCounts,
    /// Rows and lists.
    pub rows: CacheCounts,
    /// Answers that had to make room for others in this process.
    pub evictions: u64,
    /// Bytes that answers take in this process.
    pub bytes: u64,
}

pub(super) struct Counters {
    names: Kind,
    rows: Kind,
    observer: Option<LookObserver>,
}

#[derive(Default)]
struct Kind {
    hits: AtomicU64,
    misses: AtomicU64,
    bypasses: AtomicU64,
}

impl Counters {
    pub(super) fn new(observer: Option<LookObserver>) -> Self {
        Self { names: Kind::default(), rows: Kind::default(), observer }
    }

    pub(super) fn count(&self, area: &Area, looked: Looked) {
        match area.tenant() {
            None => self.names.count(looked),
            Some(tenant) => {
                self.rows.count(looked);
                if let Some(observer) = &self.observer {
                    observer(tenant, looked);
                }
            }
        }
    }

    pub(super) fn status(&self) -> CacheStatus {
        CacheStatus { names: self.names.counts(), rows: self.rows.counts(), ..CacheStatus::default() }
    }
}

impl Kind {
    fn count(&self, looked: Looked) {
        let counter = match looked {
            Looked::Hit => &self.hits,
            Looked::Miss => &self.misses,
            Looked::Bypass => &self.bypasses,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn counts(&self) -> CacheCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheCounts { hits: read(&self.hits), misses: read(&self.misses), bypasses: read(&self.bypasses) }
    }
}
