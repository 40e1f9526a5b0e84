//! Who beats, and comes back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::Shared;
use super::link::{GRANT, Link, Trouble, token};
use crate::redis::PATIENCE;

/// How often this process says that it is there.
const BEAT: Duration = Duration::from_millis(100);

impl Shared {
    /// Beats for as long as this is polled, or until this process takes leave.
    pub(in super::super) async fn keep_beating(self: Arc<Self>) {
        self.is_kept.store(true, Ordering::Release);
        while self.is_kept.load(Ordering::Acquire) {
            let began = Instant::now();
            if let Err(trouble) = self.beat_or_come_back().await {
                tracing::debug!(%trouble, "Redis cannot be used");
            }
            self.tried.send_replace(true);
            let rest = BEAT.saturating_sub(began.elapsed());
            // After a failure of somebody else's, the next beat tells whether it is the server's.
            let _ = timeout(rest, self.trouble.notified()).await;
        }
    }

    /// Says that this process goes. What it still writes is announced.
    pub(in super::super) async fn say_farewell(&self) {
        self.is_kept.store(false, Ordering::Release);
        self.grant().until = None;
        if let Some(link) = self.link.write().await.take() {
            // Whoever was not told waits for a few seconds.
            let _ = link.farewell(&self.me).await;
        }
    }

    async fn beat_or_come_back(&self) -> Result<(), Trouble> {
        // Held, so that whoever leaves knows when the last beat was.
        let link = self.link.read().await;
        let Some(beating) = link.clone() else {
            drop(link);
            return self.come_back().await;
        };
        let beat = self.beat(&beating, None).await;
        drop(link);
        if let Err(trouble) = &beat {
            self.leave(&beating, trouble).await;
        }
        beat
    }

    async fn come_back(&self) -> Result<(), Trouble> {
        let new = self.connect().await?;
        // Waits for those who write unheard. Whoever comes after them is heard.
        let mut link = timeout(PATIENCE, self.link.write()).await.map_err(|_| Trouble::Silent)?;
        if !self.is_kept.load(Ordering::Acquire) {
            return Ok(());
        }
        if self.grant().away.is_some_and(|until| Instant::now() < until) {
            return Err(Trouble::Other("a write of which nobody heard may still be committed".to_owned()));
        }
        let epoch = self.unheard.load(Ordering::Acquire).then(token);
        self.beat(&new, epoch.as_deref()).await?;
        self.unheard.store(false, Ordering::Release);
        *link = Some(new);
        tracing::info!("the cache in Redis is used");
        Ok(())
    }

    async fn beat(&self, link: &Link, epoch: Option<&str>) -> Result<(), Trouble> {
        let sent = Instant::now();
        let before = self.grant().last_beat.replace(sent);
        let beat = link.beat(&self.me, epoch).await;
        if matches!(&beat, Err(Trouble::Redis(error)) if error.code().is_some()) {
            // The server refused: nobody takes this process to be there, and nobody need wait until it is forgotten.
            self.grant().last_beat = before;
        }
        self.grant().until = beat?.then(|| sent + GRANT);
        Ok(())
    }
}
