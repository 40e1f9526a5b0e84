//! How far an operation is, noted while it goes on.

use std::time::{Duration, Instant};

use super::Record;
use crate::database::Database;
use crate::entities::operation;
use crate::error::Error;

/// How often it is noted.
const EVERY: Duration = Duration::from_millis(500);

/// Who is told of rows that have been copied or sealed.
pub(crate) trait Told: Send {
    /// So many more.
    fn rows(&mut self, more: u64) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Notes rows in the operation's record, now and then.
pub(crate) struct Noting<'a> {
    database: &'a Database,
    operation: &'a mut operation::Model,
    /// What a test can wait for.
    step: &'static str,
    noted: Instant,
}

impl<'a> Noting<'a> {
    pub(crate) fn new(database: &'a Database, operation: &'a mut operation::Model, step: &'static str) -> Self {
        Self { database, operation, step, noted: Instant::now() }
    }
}

impl Told for Noting<'_> {
    async fn rows(&mut self, more: u64) -> Result<(), Error> {
        self.operation.progress.copied += more;
        self.database.settings.steps.reach(self.step).await;
        if self.noted.elapsed() > EVERY {
            self.noted = Instant::now();
            Record::note(self.database, self.operation).await?;
        }
        Ok(())
    }
}
