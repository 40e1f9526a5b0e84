//! `tenantry serve`: the HTTP server on the configured database.

use entity::{Database, DatabaseSettings, Gatekeeper, OpenError};

use super::{Failure, telemetry};
use crate::auth::keys::Keys;
use crate::config::Config;
use crate::startup::Application;

pub(super) async fn run() -> Result<(), Failure> {
    let config = Config::from_env()?;
    // Said before anything is opened, made or migrated.
    Keys::load(&config.auth)?;
    let telemetry = telemetry::start(&config.log, &config.traces)?;
    let (database, gatekeeper) = open(&config.database).await?;
    tracing::info!(database = config.database.describe(), "the database is open");
    let application = Application::build(config, database, gatekeeper).await?;
    let ended = application.run().await;
    telemetry.end().await;
    Ok(ended?)
}

/// Brings everything up. A tenant that cannot be is answered for by itself: the others are served.
async fn migrate(settings: &DatabaseSettings) -> Result<(), Failure> {
    for failure in entity::migrate::up(settings).await?.failed {
        tracing::error!(tenant = failure.tenant, error = failure.error, "cannot be migrated");
    }
    Ok(())
}

/// Opens the database, and migrates it first where nobody else can or need be asked: an embedded one, which nobody else
/// opens, and one without any tables, where nothing can be lost.
async fn open(settings: &DatabaseSettings) -> Result<(Database, Gatekeeper), Failure> {
    if settings.is_embedded() {
        migrate(settings).await?;
    }
    match entity::open(settings).await {
        Err(OpenError::NotMigrated(pending)) if pending.is_empty => {
            tracing::info!("the database has no tables yet: making them");
            migrate(settings).await?;
            Ok(entity::open(settings).await?)
        }
        opened => Ok(opened?),
    }
}
