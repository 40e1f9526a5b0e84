//! `tenantry serve`: the HTTP server on the configured database.

use super::{Failure, logging};
use crate::config::Config;
use crate::startup::Application;

pub(super) async fn run() -> Result<(), Failure> {
    let config = Config::from_env()?;
    logging::start(&config.log);
    for variable in &config.not_yet {
        tracing::warn!("{variable} is set and has no effect in this version");
    }
    // Nobody else opens an embedded database, and nobody else would migrate it.
    if config.database.is_embedded() {
        entity::migrate::run(&config.database, false).await?;
    }
    let (database, gatekeeper) = entity::open(&config.database).await?;
    tracing::info!(database = config.database.describe(), "the database is open");
    let application = Application::build(config, database, gatekeeper).await?;
    application.run().await?;
    Ok(())
}
