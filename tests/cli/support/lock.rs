//! Somebody else who is in the way.

use std::sync::Arc;
use std::time::Duration;

use testkit::TestDatabase;
use tokio::task::JoinHandle;

/// Locks every row of `users` for this long. The lock is held when this comes back; what it returns ends with the lock.
pub(crate) async fn lock_users(database: &Arc<TestDatabase>, seconds: u32) -> JoinHandle<()> {
    let holder = Arc::clone(database);
    let lock = tokio::spawn(async move {
        let sql = format!("BEGIN; SELECT FROM users FOR UPDATE; SELECT pg_sleep({seconds}); COMMIT");
        holder.execute(&sql).await;
    });
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    while database.number(asleep).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    lock
}
