//! Writes down what tenants used: every few seconds, when somebody asks, and at the end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use entity::{Counts, Database};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::busiest::Busiest;
use crate::config::UsageConfig;

/// How often. A process that dies loses what was counted since the last time.
const EVERY: Duration = Duration::from_secs(5);

/// After so many times, hours that are too old are forgotten: about once an hour.
const FORGETS_AFTER: u32 = 720;

/// Takes what was counted to the catalog and to `/metrics`.
pub struct Meter {
    database: Database,
    busiest: Busiest,
    retention: Duration,
    /// What could not be written yet. Held while it is being written: one writes at a time.
    unwritten: Mutex<HashMap<Uuid, Counts>>,
}

impl Meter {
    /// Begins to write down what the database counts.
    pub fn new(database: Database, busiest: Busiest, config: UsageConfig) -> Self {
        Self { database, busiest, retention: config.retention, unwritten: Mutex::default() }
    }

    /// Writes down what was counted until now. What could not be is tried again the next time.
    pub async fn flush(&self) -> Result<(), entity::Error> {
        let mut unwritten = self.unwritten.lock().await;
        let taken = self.database.usage().take();
        self.busiest.count(&taken);
        for (tenant, counts) in taken {
            *unwritten.entry(tenant).or_default() += counts;
        }
        let used: Vec<_> = unwritten.iter().map(|(tenant, counts)| (*tenant, *counts)).collect();
        self.database.usage_add(&used).await?;
        unwritten.clear();
        Ok(())
    }

    /// Does so for as long as anybody else has use for it.
    pub async fn run(self: Arc<Self>) {
        let meter = Arc::downgrade(&self);
        drop(self);
        for turn in 0_u32.. {
            tokio::time::sleep(EVERY).await;
            let Some(meter) = meter.upgrade() else { return };
            meter.busiest.fade();
            if let Err(error) = meter.flush().await {
                tracing::warn!(%error, "what tenants used cannot be written down yet");
            }
            if turn.is_multiple_of(FORGETS_AFTER) {
                meter.forget().await;
            }
        }
    }

    async fn forget(&self) {
        if let Err(error) = self.database.usage_forget(Utc::now() - self.retention).await {
            tracing::warn!(%error, "old hours of what tenants used cannot be forgotten yet");
        }
    }
}
