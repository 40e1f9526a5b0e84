//! For whom a transaction runs, and the one message that begins it.

use std::time::Duration;

use sea_orm::DbBackend;
use uuid::Uuid;

use super::Asker;
use crate::place::{Place, fence_lock};

/// How often the server looks, in the middle of a statement, whether anybody still waits for it.
pub(super) const LOOKS_FOR_CLIENT: Duration = Duration::from_millis(100);

/// What a transaction is going to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    /// Reads, and sees everything as it was at one moment, however long it takes.
    Snapshot,
    Write,
}

/// For whom a transaction runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// For one tenant: row-level security shows its rows only.
    Tenant(Uuid),
    /// The same, but a write is not refused when the tenant has left: for whoever moves it.
    Mover(Uuid),
    /// For nobody: on the platform's connection its policies show everything, on a serving one nothing shows.
    Nobody,
}

impl Binding {
    /// A tenant's requests wait in one line, whoever else waits.
    pub(super) fn asker(self) -> Asker {
        match self {
            Self::Tenant(tenant) => Asker::of(&tenant),
            Self::Mover(_) | Self::Nobody => Asker::default(),
        }
    }

    pub(super) fn tenant(self) -> Option<Uuid> {
        match self {
            Self::Tenant(tenant) | Self::Mover(tenant) => Some(tenant),
            Self::Nobody => None,
        }
    }
}

/// Everything here is local to the transaction: it is gone with it, also through a transaction pooler.
/// `is_settled` if the session has said already what is the same for every transaction.
pub(super) fn begin_sql(place: &Place, access: Access, binding: Binding, is_settled: bool) -> String {
    match (place.backend(), access) {
        (DbBackend::Postgres, _) => begin_postgres(place, access, binding, is_settled),
        (_, Access::Read | Access::Snapshot) => "BEGIN".to_owned(),
        // Takes the write lock now: a deferred transaction that turns to writing cannot wait for it.
        (_, Access::Write) => match binding {
            Binding::Tenant(tenant) => format!(
                "BEGIN IMMEDIATE; SELECT 1 FROM {} WHERE tenant_id = x'{}'",
                migration::DEPARTURES,
                tenant.simple()
            ),
            Binding::Mover(_) | Binding::Nobody => "BEGIN IMMEDIATE".to_owned(),
        },
    }
}

/// A tenant's write holds a lock that whoever moves the tenant waits for, and looks whether the tenant has left. In this order: one
/// that gets the lock after the mover had it finds the departure.
fn begin_postgres(place: &Place, access: Access, binding: Binding, is_settled: bool) -> String {
    let mut sql = match access {
        Access::Snapshot => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned(),
        Access::Read => "BEGIN".to_owned(),
        // Whatever the server's default is: whoever waited for a lock must see what was committed meanwhile.
        Access::Write => "BEGIN ISOLATION LEVEL READ COMMITTED".to_owned(),
    };
    let entering = binding.tenant().filter(|_| is_fenced(access, binding));
    if let Some(tenant) = binding.tenant().filter(|_| !(is_settled && entering.is_some())) {
        sql.push_str(&format!("; SET LOCAL {} = '{tenant}'", migration::access::TENANT_SETTING));
    }
    if let Some(schema) = place.schema() {
        // The one schema alone: a table that is missing there must not be found elsewhere.
        sql.push_str(&format!("; SET LOCAL search_path = {schema}"));
    }
    if !is_settled {
        sql.push_str(&format!(
            "; SET LOCAL statement_timeout = {}; SET LOCAL client_connection_check_interval = {}",
            place.terms.statement_timeout.as_millis(),
            LOOKS_FOR_CLIENT.as_millis()
        ));
    }
    match entering {
        Some(tenant) if is_settled => {
            sql.push_str(&format!("; SELECT {}('{tenant}', {})", migration::ENTER, fence_lock(tenant)));
        }
        // Word by word: on Citus, a function's `set_config` would not be heard of everywhere.
        Some(tenant) => sql.push_str(&format!(
            "; SELECT pg_advisory_xact_lock_shared({}); SELECT 1 FROM {} WHERE tenant_id = '{tenant}'",
            fence_lock(tenant),
            migration::DEPARTURES,
        )),
        None => {}
    }
    sql
}

/// Whether a transaction is one that a move waits for.
pub(super) fn is_fenced(access: Access, binding: Binding) -> bool {
    access == Access::Write && matches!(binding, Binding::Tenant(_))
}
