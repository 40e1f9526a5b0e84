//! Who does an operation's phases one after the other, and what becomes of failures.

use uuid::Uuid;

use super::phases::Move;
use super::record::{Kind, Record, find};
use crate::database::Database;
use crate::entities::operation;
use crate::error::Error;
use crate::owner::TenantLock;
use crate::vocabulary::WorkState;

/// Goes on with an operation until it has ended, or until it cannot go on for now. Does nothing if somebody else is at it.
pub(crate) async fn run(database: &Database, id: Uuid) {
    if let Err(error) = try_run(database, id).await {
        tracing::warn!(operation = %id, %error, "an operation cannot go on for now");
    }
}

async fn try_run(database: &Database, id: Uuid) -> Result<(), Error> {
    let Some(operation) = find(database, id).await?.filter(is_running) else { return Ok(()) };
    let Some(mut lock) = TenantLock::try_take(database, operation.tenant_id).await? else { return Ok(()) };
    // Whoever had the lock before may have got further.
    let Some(mut operation) = find(database, id).await?.filter(is_running) else { return Ok(()) };
    if operation.kind == Kind::Import.as_str() {
        return crate::transfer::undo_import(database, &mut operation, &mut lock).await;
    }
    if operation.kind == Kind::Purge.as_str() {
        return crate::purge::go_on(database, &mut operation, &mut lock).await.map(|_| ());
    }
    let mut moving = Move::new(database, operation, lock)?;
    while moving.is_running() {
        if let Err(error) = moving.next().await {
            let operation = moving.failed(error).await?;
            tracing::warn!(operation = %id, phase = operation.phase, error = operation.error, "a move fell back");
        }
    }
    Ok(())
}

fn is_running(operation: &operation::Model) -> bool {
    operation.state == WorkState::Running
}

/// Ends an operation well.
pub(crate) async fn done(database: &Database, operation: &mut operation::Model) -> Result<(), Error> {
    operation.state = WorkState::Done;
    operation.error = None;
    Record::enter(database, operation, "ended", Vec::new()).await
}
