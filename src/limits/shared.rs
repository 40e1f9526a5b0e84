//! The rate, shared by all processes through Redis: one script, one round trip. Where Redis does not answer, whoever asked
//! counts by itself, and nobody asks again for a moment.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use entity::deadpool_redis::Pool;
use entity::deadpool_redis::redis::Script;
use entity::redis::PATIENCE;
use uuid::Uuid;

/// For how long Redis is left alone after it did not answer: waiting for it anew with each request would be worse than not
/// having it.
const PAUSE: Duration = Duration::from_secs(1);

/// Faster than this is not told apart from no limit at all: the algorithm counts in microseconds.
const FASTEST: u64 = 1_000_000;

const SECOND: f64 = 1_000_000.0;

pub(super) struct SharedRates {
    pool: Pool,
    script: Script,
    began: Instant,
    /// In milliseconds since the process began to count.
    paused_until: AtomicU64,
    /// Whether it did not answer the last time.
    is_away: AtomicBool,
}

impl SharedRates {
    pub(super) fn new(pool: Pool) -> Self {
        let script = Script::new(include_str!("gcra.lua"));
        Self { pool, script, began: Instant::now(), paused_until: AtomicU64::new(0), is_away: AtomicBool::new(false) }
    }

    /// Counts one more, or says how long it is until there may be another. None if Redis does not answer.
    pub(super) async fn count(&self, tenant: Uuid, per_second: u64) -> Option<Result<(), Duration>> {
        if per_second == 0 || per_second > FASTEST || self.now() < self.paused_until.load(Ordering::Relaxed) {
            return None;
        }
        let asked = tokio::time::timeout(PATIENCE, self.ask(tenant, per_second)).await;
        match asked.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
            Ok(wait) => {
                self.is_away.store(false, Ordering::Relaxed);
                Some(if wait == 0 { Ok(()) } else { Err(Duration::from_micros(wait)) })
            }
            Err(error) => {
                self.pause(&error);
                None
            }
        }
    }

    /// A changed limit has another key: what was taken at the old one has nothing to do with it.
    async fn ask(&self, tenant: Uuid, per_second: u64) -> Result<u64, String> {
        let interval = SECOND / per_second as f64;
        let mut connection = self.pool.get().await.map_err(|error| error.to_string())?;
        let mut call = self.script.key(format!("tenantry:rate:{tenant}:{per_second}"));
        call.arg(interval).arg(SECOND - interval);
        call.invoke_async(&mut connection).await.map_err(|error| error.to_string())
    }

    fn pause(&self, error: &str) {
        self.paused_until.store(self.now() + PAUSE.as_millis() as u64, Ordering::Relaxed);
        if !self.is_away.swap(true, Ordering::Relaxed) {
            tracing::warn!(error, "Redis does not answer: each process counts requests by itself until it does");
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
