//! Many operations, followed at once: most of the time that one takes, it waits.

use std::time::Duration;

use entity::{Operation, WorkState};
use tokio::time::{Instant, sleep};

use super::counted;
use crate::cli::Failure;
use crate::cli::office::Office;
use crate::cli::progress::Meter;

/// Operations that are under way at once: while one is, its tenant cannot be moved.
const AT_ONCE: usize = 100;

/// How often they are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How often it is seen to that somebody is at them: whoever was may have died, or met with what has passed by now.
const SEE_TO: Duration = Duration::from_secs(2);

/// Operations under way, and what has become of those that ended.
pub(super) struct Following<'o> {
    office: &'o Office,
    meter: Meter,
    under_way: Vec<(String, Operation)>,
    seen_to: Instant,
    told: Told,
}

/// What has become of it all.
#[derive(Clone, Copy, Default)]
pub(super) struct Told {
    /// Tenants with whom it ended well.
    pub(super) done: u64,
    /// The others.
    pub(super) failed: u64,
    /// Rows that were sealed.
    pub(super) rows: u64,
}

impl<'o> Following<'o> {
    pub(super) fn new(office: &'o Office) -> Self {
        let (meter, seen_to) = (Meter::new("rows sealed"), Instant::now());
        Self { office, meter, under_way: Vec::new(), seen_to, told: Told::default() }
    }

    pub(super) fn add(&mut self, slug: String, operation: Operation) {
        self.under_way.push((slug, operation));
    }

    pub(super) fn failed(&mut self, slug: &str, why: &str) {
        self.told.failed += 1;
        self.meter.says(&format!("{slug}: {why}"));
    }

    /// Waits until one more can be begun.
    pub(super) async fn make_room(&mut self) -> Result<(), Failure> {
        while self.under_way.len() >= AT_ONCE {
            self.look().await?;
        }
        Ok(())
    }

    /// Waits for all of them.
    pub(super) async fn finish(mut self) -> Result<Told, Failure> {
        while !self.under_way.is_empty() {
            self.look().await?;
        }
        self.meter.end();
        Ok(self.told)
    }

    async fn look(&mut self) -> Result<(), Failure> {
        sleep(LOOK).await;
        let see_to = self.seen_to.elapsed() > SEE_TO;
        if see_to {
            self.seen_to = Instant::now();
        }
        let (mut rows, mut of) = (self.told.rows, self.told.rows);
        for (slug, operation) in std::mem::take(&mut self.under_way) {
            let found = self.office.platform().operation_find(operation.id).await?;
            let operation = found.ok_or("an operation is gone")?;
            if operation.state != WorkState::Running {
                self.ended(&slug, &operation);
                continue;
            }
            if see_to {
                self.office.platform().operation_resume(&operation);
            }
            rows += operation.progress.copied;
            of += operation.progress.rows;
            self.under_way.push((slug, operation));
        }
        self.meter.at(rows, of);
        Ok(())
    }

    fn ended(&mut self, slug: &str, operation: &Operation) {
        if operation.state == WorkState::Failed {
            return self.failed(slug, operation.error.as_deref().unwrap_or_default());
        }
        self.told.done += 1;
        self.told.rows += operation.progress.copied;
        self.meter.says(&format!("{slug}: {} sealed", counted(operation.progress.copied, "row")));
    }
}
