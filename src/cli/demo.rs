//! `tenantry demo`: the server on a fresh embedded database with two filled tenants, thrown away at the end.

mod filling;
mod guide;
mod moving;
mod words;
mod world;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use entity::DatabaseSettings;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Failure, output, telemetry};
use crate::auth::keys::Keys;
use crate::config::{Config, Environment};
use crate::startup::Application;

pub(super) async fn run() -> Result<(), Failure> {
    // Declared first, so that it is removed last: after the database is closed.
    let directory = ThrowAway::new()?;
    let config = config(directory.path())?;
    let _no_traces = telemetry::start(&config.log, &config.traces)?;
    entity::migrate::up(&config.database).await?;
    let (database, gatekeeper) = entity::open(&config.database).await?;
    let worlds = world::worlds();
    filling::fill(&database, &gatekeeper, &worlds).await?;
    let seen = moving::moved(&database, &gatekeeper, &worlds[1]).await?;
    let keys = Keys::load(&config.auth)?;
    let application = Application::build(config, database, gatekeeper).await?;
    output::print(&guide::guide(application.address(), &worlds, &keys, &seen.lines(worlds[1].slug))?)?;
    application.run().await?;
    Ok(())
}

/// The defaults, whatever `.env` says of a real installation; only the address and the log can be chosen.
fn config(directory: &Path) -> Result<Config, Failure> {
    let secret = secret();
    let mut config = Environment::load()?.read(|environment| {
        Config::from_lookup(&|name| match name {
            "JWT_SECRET" => Some(secret.clone()),
            "BIND_ADDR" | "LOG_FORMAT" | "RUST_LOG" => environment(name),
            _ => None,
        })
    })?;
    config.database = DatabaseSettings::sqlite_file(&directory.join("demo.db"))?;
    config.server.bind_addr = free(config.server.bind_addr);
    Ok(config)
}

/// The address itself or, when its port is taken, one with a port that the system picks.
fn free(address: SocketAddr) -> SocketAddr {
    match TcpListener::bind(address) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => SocketAddr::new(address.ip(), 0),
        _ => address,
    }
}

/// A secret that nobody can guess: each of the ids brings 32 or more random bits of the operating system.
fn secret() -> String {
    let mut hash = Sha256::new();
    for _ in 0..8 {
        hash.update(Uuid::now_v7());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A directory of our own that is gone with this value.
struct ThrowAway(PathBuf);

impl ThrowAway {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("tenantry-demo-{}", Uuid::now_v7()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ThrowAway {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "the demo's database could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_swapped_for_a_free_one() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(free(taken), taken);
        let _listener = TcpListener::bind(taken).unwrap();
        assert_eq!(free(taken), SocketAddr::new(taken.ip(), 0));
    }

    #[test]
    fn every_start_has_a_secret_of_its_own() {
        assert_eq!(secret().len(), 64);
        assert_ne!(secret(), secret());
    }

    #[test]
    fn nothing_is_left_behind() {
        let directory = ThrowAway::new().unwrap();
        let path = directory.path().to_owned();
        std::fs::write(path.join("demo.db"), "x").unwrap();
        drop(directory);
        assert!(!path.exists());
    }
}
