//! Redis, which the processes of an installation share: its address and a pool of connections to it.
//!
//! Nothing may wait for it for long, because nothing needs it: every call ends after [`PATIENCE`], and whoever called goes on
//! without.

use std::fmt;
use std::time::Duration;

use deadpool_redis::redis::{AsyncConnectionConfig, ConnectionInfo, IntoConnectionInfo};
use deadpool_redis::{Manager, Pool, Runtime};

use crate::settings::SettingError;

/// Longest that connecting, waiting for a connection or a command may take.
pub const PATIENCE: Duration = Duration::from_millis(250);

/// Connections of one process. Each carries many commands at once.
const CONNECTIONS: usize = 8;

/// The server of `REDIS_URL`. Prints no password.
///
/// Whoever has its pool reaches everything that is in it, other tenants' included: it is for the layers around handlers, and no
/// handler gets it.
#[derive(Clone)]
pub struct Redis {
    server: ConnectionInfo,
}

impl Redis {
    /// Reads an address: `redis://` or, over TLS, `rediss://`.
    pub(crate) fn parse(url: &str) -> Result<Self, SettingError> {
        let is_url = url.starts_with("redis://") || url.starts_with("rediss://");
        let server = url.into_connection_info().ok().filter(|_| is_url);
        let server = server.ok_or_else(|| SettingError {
            variable: "REDIS_URL".to_owned(),
            message: "takes redis://host:port or rediss://user:password@host:port/number".to_owned(),
        })?;
        Ok(Self { server })
    }

    /// A pool of connections. None is opened before it is needed; each lives on the runtime on which it was.
    pub fn pool(&self) -> Result<Pool, PoolError> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        let manager = Manager::new_with_config(self.server.clone(), config).map_err(PoolError::new)?;
        Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .recycle_timeout(Some(PATIENCE))
            .build()
            .map_err(PoolError::new)
    }

    /// Where it is, without a password.
    pub fn describe(&self) -> String {
        self.server.addr().to_string()
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis({})", self.describe())
    }
}

/// Why there can be no pool.
#[derive(Debug, thiserror::Error)]
#[error("Redis cannot be used: {0}")]
pub struct PoolError(String);

impl PoolError {
    fn new(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_of_redis_and_is_never_repeated() {
        for url in ["redis://localhost", "redis://:secret@10.0.0.1:6380/2", "rediss://user:secret@redis.internal"] {
            let redis = Redis::parse(url).unwrap();
            assert!(!format!("{redis:?}").contains("secret"));
            assert!(redis.pool().is_ok());
        }
        for url in ["localhost:6379", "http://:secret@localhost", "unix:///run/redis", "redis://:secret@local host:x"] {
            let refused = Redis::parse(url).unwrap_err().to_string();
            assert!(refused.starts_with("REDIS_URL takes redis://") && !refused.contains("secret"), "{refused}");
        }
    }
}
