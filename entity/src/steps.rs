//! The steps of long work, told as they are reached: a test can stop the work at each of them, as a crash would.

use std::fmt;
use std::sync::Arc;

/// What is asked before a step is taken; `false` means that the process dies here.
type Lives = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Who is told of steps. Nobody, unless a test listens.
#[derive(Clone, Default)]
pub(crate) struct Steps(Option<Lives>);

impl Steps {
    #[cfg(test)]
    pub(crate) fn told(lives: Lives) -> Self {
        Self(Some(lives))
    }

    /// Tells that a step is about to be taken. Never returns if the process is to die here.
    pub(crate) async fn reach(&self, step: &str) {
        if let Some(lives) = &self.0
            && !lives(step)
        {
            std::future::pending::<()>().await;
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Steps")
    }
}
