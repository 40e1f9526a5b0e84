//! Tests that need what the crate keeps to itself: databases opened without the start-up check, and statements as they are sent.

mod binding;
mod budget;
mod cache;
mod doctor;
mod drivers;
mod encryption;
mod fairness;
mod fleet;
mod guard;
mod model;
mod moving;
mod pgbouncer;
mod process;
mod program;
mod property;
mod provisioning;
mod rotation;
mod sealed_transfer;
mod standing;
mod statements;
mod transfer;

use std::sync::{Arc, Mutex};

use testkit::TestDatabase;
use uuid::Uuid;

use crate::connection::Observer;
use crate::database::{Database, connect};
use crate::entities::tenant;
use crate::session::TenantAccess;
use crate::settings::DatabaseSettings;
use crate::vocabulary::{Domains, Isolation, Limits, TenantStatus};

/// The settings of a test's database, as the crate under test reads them.
fn settings(variables: &[(&'static str, String)]) -> DatabaseSettings {
    let lookup = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
    DatabaseSettings::from_lookup(&lookup).unwrap()
}

fn open_unchecked(variables: &[(&'static str, String)]) -> Database {
    connect(&settings(variables)).unwrap()
}

fn open_test(database: &TestDatabase) -> Database {
    open_unchecked(&database.variables())
}

/// A tenant, admitted without the catalog being asked.
fn admitted(database: &Database, id: Uuid) -> TenantAccess {
    TenantAccess::new(tenant_row(id), Arc::clone(&database.serving), database)
}

fn tenant_row(id: Uuid) -> tenant::Model {
    let at = crate::resource::now();
    tenant::Model {
        id,
        slug: format!("t{}", id.simple()),
        name: "Test".to_owned(),
        name_folded: "test".to_owned(),
        status: TenantStatus::Active,
        isolation: Isolation::Shared,
        suspended: false,
        datastore: None,
        domains: Domains::default(),
        limits: Limits::default(),
        schema_version: 0,
        version: 1,
        created_at: at,
        updated_at: at,
        writes_held: false,
    }
}

/// A statement that was sent: its text and its values as literals.
type Sent = (String, Vec<String>);

/// Statements that were kept, in the order in which they were sent.
type Recording = Arc<Mutex<Vec<Sent>>>;

/// Keeps every statement that is sent.
fn recorder() -> (Recording, Observer) {
    let sent = Recording::default();
    let kept = Arc::clone(&sent);
    let observer: Observer =
        Arc::new(move |observed| kept.lock().unwrap().push((observed.sql.to_owned(), observed.values.clone())));
    (sent, observer)
}
