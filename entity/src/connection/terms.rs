//! How transactions are run, whoever they are for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::redis::PoolError;
use crate::settings::DatabaseSettings;
use crate::steps::Steps;

/// A statement as it is sent.
pub struct Observed<'a> {
    /// Its text, with placeholders.
    pub sql: &'a str,
    /// Its values as SQL literals, in order.
    pub values: Vec<String>,
}

/// Is shown every statement before it is sent. For tests that prove what was sent; it sees values, so it must not log.
pub type Observer = Arc<dyn Fn(&Observed<'_>) + Send + Sync>;

/// How transactions are run, whoever they are for.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) statement_timeout: Duration,
    /// From how long on a statement is told of in the log; none for never.
    pub(crate) slow_statement: Option<Duration>,
    pub(crate) observer: Option<Observer>,
    pub(crate) cache: Arc<Cache>,
    /// The steps of a commit.
    pub(crate) steps: Steps,
}

impl Terms {
    pub(crate) fn new(settings: &DatabaseSettings) -> Result<Self, PoolError> {
        Ok(Self {
            statement_timeout: settings.statement_timeout,
            slow_statement: settings.slow_statement,
            observer: settings.observer.clone(),
            cache: Arc::new(Cache::new(settings)?),
            steps: settings.cache_steps.clone(),
        })
    }
}

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Terms({:?})", self.statement_timeout)
    }
}
