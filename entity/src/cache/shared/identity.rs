//! Which installation this is: several may share a Redis, and must not take each other's answers.

use std::sync::{Arc, OnceLock, Weak};

use sea_orm::{DbBackend, Statement};
use sha2::{Digest, Sha256};

use super::link::Trouble;
use crate::connection::Lease;
use crate::error::Keys;
use crate::place::Place;

/// Names the installation's first database, by whichever address it is reached.
pub(super) async fn of(home: &OnceLock<Weak<Place>>) -> Result<String, Trouble> {
    let home = home.get().and_then(Weak::upgrade);
    let home: Arc<Place> = home.ok_or_else(|| Trouble::Other("the database is closed".to_owned()))?;
    let sql = match home.backend() {
        DbBackend::Postgres => "SELECT system_identifier::text || '/' || oid::text || '/' || datname
             FROM pg_control_system(), pg_database WHERE datname = current_database()"
            .to_owned(),
        _ => format!(
            "SELECT file || '/' || (SELECT min(applied_at) FROM {}) FROM pragma_database_list WHERE name = 'main'",
            migration::CATALOG.ledger
        ),
    };
    let rows = Lease::read_alone(&home, Statement::from_string(home.backend(), sql), Keys::default()).await;
    let rows = rows.map_err(|error| Trouble::Other(error.to_string()))?;
    let name = rows.first().and_then(|row| row.try_get_by_index::<String>(0).ok());
    let name = name.ok_or_else(|| Trouble::Other("the database does not say which one it is".to_owned()))?;
    let digest = Sha256::digest(name);
    Ok(digest[..8].iter().map(|byte| format!("{byte:02x}")).collect())
}
