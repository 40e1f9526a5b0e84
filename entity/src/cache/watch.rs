//! Whether names still are what they were.
//!
//! Without Redis, nobody tells a process what others change in the catalog. It could ask for each name again and again; it asks how
//! often the catalog has changed. As long as that is known, a name is kept for longer than it may be behind.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use migration::CHANGES;
use sea_orm::Statement;

use crate::connection::Lease;
use crate::error::{Error, Keys, internal};
use crate::place::Place;

/// Shortest time from one question to the next.
const OFTEN: Duration = Duration::from_millis(50);

pub(super) struct Watch {
    /// Longest that a name may be behind.
    behind: Duration,
    began: Instant,
    /// Until when a name that was kept is not further behind than it may be, in microseconds since `began`.
    until: AtomicU64,
    /// Whether anybody has looked for a name since the catalog was asked.
    is_wanted: AtomicBool,
}

impl Watch {
    pub(super) fn new(behind: Duration) -> Self {
        Self { behind, began: Instant::now(), until: AtomicU64::new(0), is_wanted: AtomicBool::new(false) }
    }

    /// Whether a name that was kept then can be believed now.
    pub(super) fn holds(&self, kept: Instant) -> bool {
        if !self.is_wanted.load(Ordering::Relaxed) {
            self.is_wanted.store(true, Ordering::Relaxed);
        }
        let now = Instant::now();
        now.duration_since(kept) < self.behind || self.micros(now) < self.until.load(Ordering::Acquire)
    }

    /// Asks the catalog whether it has changed, for as long as this is polled; `doubt` makes everything doubtful that was kept before.
    pub(super) async fn keep_asking(&self, catalog: &Place, doubt: impl Fn()) {
        let mut known = None;
        loop {
            tokio::time::sleep((self.behind / 2).max(OFTEN)).await;
            if !self.is_wanted.swap(false, Ordering::Relaxed) {
                continue;
            }
            let asked = Instant::now();
            match number(catalog).await {
                Ok(number) => self.note(number, &mut known, asked, &doubt),
                Err(error) => tracing::debug!(%error, "whether the catalog has changed cannot be said"),
            }
        }
    }

    fn note(&self, number: i64, known: &mut Option<i64>, asked: Instant, doubt: &impl Fn()) {
        if known.replace(number) != Some(number) {
            doubt();
        }
        self.until.store(self.micros(asked + self.behind), Ordering::Release);
    }

    fn micros(&self, then: Instant) -> u64 {
        u64::try_from(then.duration_since(self.began).as_micros()).unwrap_or(u64::MAX)
    }
}

async fn number(catalog: &Place) -> Result<i64, Error> {
    let sql = format!("SELECT number FROM {CHANGES}");
    let rows = Lease::read_alone(catalog, Statement::from_string(catalog.backend(), sql), Keys::default()).await?;
    let row = rows.first().ok_or_else(|| Error::Internal(format!("{CHANGES} has no row")))?;
    row.try_get_by_index(0).map_err(internal)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_name_is_believed_for_as_long_as_nothing_can_have_changed_unnoticed() {
        let (behind, doubts, mut known) = (Duration::from_secs(1), Cell::new(0), None);
        let watch = Watch::new(behind);
        let doubt = || doubts.set(doubts.get() + 1);
        let now = Instant::now();
        let long_ago = now.checked_sub(Duration::from_secs(60)).unwrap();
        assert!(watch.holds(now), "it is new");
        assert!(!watch.holds(long_ago), "nobody has asked");
        watch.note(7, &mut known, now, &doubt);
        assert!(watch.holds(long_ago));
        assert_eq!(doubts.get(), 1, "what was kept before the first answer may have changed before it");
        watch.note(7, &mut known, now, &doubt);
        assert_eq!(doubts.get(), 1);
        watch.note(8, &mut known, now, &doubt);
        assert_eq!(doubts.get(), 2);
        watch.note(8, &mut known, now.checked_sub(behind).unwrap(), &doubt);
        assert!(!watch.holds(long_ago), "an answer counts from when it was asked for");
    }
}
