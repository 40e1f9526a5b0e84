//! Who does an operation's phases one after the other, and what becomes of failures.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use uuid::Uuid;

use super::record::find;
use crate::database::Database;
use crate::encryption::Rotation;
use crate::entities::operation;
use crate::error::Error;
use crate::moving::Move;
use crate::owner::TenantLock;
use crate::purge;
use crate::transfer::undo_import;
use crate::vocabulary::{OperationKind, WorkState};

/// Moves of one process that go on at once: each takes connections away from requests.
const AT_ONCE: usize = 2;

/// Which operations this process is at.
pub(crate) struct AtWork {
    operations: Mutex<HashSet<Uuid>>,
    turns: Semaphore,
}

impl Default for AtWork {
    fn default() -> Self {
        Self { operations: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }
}

/// One operation that this process is at, for as long as this lives.
struct Entry<'a>(&'a AtWork, Uuid);

impl AtWork {
    /// None if this process is at it already.
    fn enter(&self, id: Uuid) -> Option<Entry<'_>> {
        let is_new = self.operations().insert(id);
        // Made only for who may have it: an entry that is dropped takes the operation off the list.
        is_new.then(|| Entry(self, id))
    }

    fn operations(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.0.operations().remove(&self.1);
    }
}

/// What is left of an operation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing.
    Nothing,
    /// What there is to do after this time, for which no lock need be held.
    After(Duration),
}

/// Goes on with an operation until it has ended, or until it cannot go on for now. Does nothing if somebody else is at it.
pub(crate) async fn run(database: &Database, id: Uuid) {
    let Some(_entry) = database.at_work.enter(id) else { return };
    if let Err(error) = go_on_until_left(database, id).await {
        tracing::warn!(operation = %id, %error, "an operation cannot go on for now");
    }
}

async fn go_on_until_left(database: &Database, id: Uuid) -> Result<(), Error> {
    if let Next::After(time) = go_on(database, id, false).await? {
        // Without the lock, whose connection others need more.
        tokio::time::sleep(time).await;
        go_on(database, id, true).await?;
    }
    Ok(())
}

async fn go_on(database: &Database, id: Uuid, has_waited: bool) -> Result<Next, Error> {
    let _turn = database.at_work.turns.acquire().await.map_err(|_| Error::Busy)?;
    let Some(operation) = find(database, id).await?.filter(is_running) else { return Ok(Next::Nothing) };
    let Some(mut lock) = TenantLock::try_take(database, operation.tenant_id).await? else { return Ok(Next::Nothing) };
    // Whoever had the lock before may have got further.
    let Some(mut operation) = find(database, id).await?.filter(is_running) else { return Ok(Next::Nothing) };
    match operation.kind {
        OperationKind::Import => undo_import(database, &mut operation, &mut lock).await.map(|()| Next::Nothing),
        OperationKind::Purge => purge::go_on(database, &mut operation, &mut lock).await.map(|_| Next::Nothing),
        // Left to whoever has the master key.
        OperationKind::Rotate | OperationKind::Encrypt if !database.keys.is_on() => Ok(Next::Nothing),
        OperationKind::Rotate | OperationKind::Encrypt => {
            Rotation::new(database, operation, lock).go_on(has_waited).await
        }
        OperationKind::Move => Move::new(database, operation, lock)?.go_on(has_waited).await,
    }
}

fn is_running(operation: &operation::Model) -> bool {
    operation.state == WorkState::Running
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_operation_is_entered_once_at_a_time() {
        let (at_work, id) = (AtWork::default(), Uuid::now_v7());
        let entry = at_work.enter(id);
        assert!(entry.is_some() && at_work.enter(id).is_none());
        assert!(at_work.enter(id).is_none(), "who was refused has not taken it off the list");
        assert!(at_work.enter(Uuid::now_v7()).is_some());
        drop(entry);
        assert!(at_work.enter(id).is_some());
    }
}
