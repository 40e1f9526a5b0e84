//! A process of the service, as far as the data crate goes: with a runtime and connections of its own, and one that dies at a
//! given step of its work if it is told to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::database::{Database, connect};
use crate::gatekeeper::{Gatekeeper, Origin, PlatformAdmin};
use crate::platform::Platform;
use crate::settings::DatabaseSettings;
use crate::steps::Steps;

/// Settings of a process whose requests end soon, so that what waits for their end does not take long.
pub(super) fn hasty(variables: &[(&'static str, String)]) -> DatabaseSettings {
    let mut variables = variables.to_vec();
    variables.extend([("REQUEST_TIMEOUT", "300ms".to_owned()), ("CONNECTION_BUDGET", "16".to_owned())]);
    super::settings(&variables)
}

pub(super) struct Process {
    runtime: Option<Runtime>,
    pub(super) database: Database,
    pub(super) gatekeeper: Gatekeeper,
    pub(super) admin: PlatformAdmin,
    died: Option<Mutex<mpsc::Receiver<String>>>,
}

impl Process {
    pub(super) fn start(settings: &DatabaseSettings) -> Self {
        Self::with(settings.clone(), None)
    }

    /// Dies at the step with this number, from 0.
    pub(super) fn dying_at(settings: &DatabaseSettings, step: usize) -> Self {
        let reached = AtomicUsize::new(0);
        Self::dying_when(settings, move |_| reached.fetch_add(1, Ordering::Relaxed) == step)
    }

    /// Dies when it first comes to the step of this name.
    pub(super) fn dying_before(settings: &DatabaseSettings, step: &'static str) -> Self {
        let reached = AtomicUsize::new(0);
        Self::dying_when(settings, move |name| name == step && reached.fetch_add(1, Ordering::Relaxed) == 0)
    }

    fn dying_when(settings: &DatabaseSettings, dies: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        let (told, died) = mpsc::channel();
        let lives = move |name: &str| {
            let dies = dies(name);
            if dies {
                told.send(name.to_owned()).expect("the test waits");
            }
            !dies
        };
        Self::with(settings.clone().stepping(Steps::told(Arc::new(lives))), Some(died))
    }

    fn with(settings: DatabaseSettings, died: Option<mpsc::Receiver<String>>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let database = {
            let _inside = runtime.enter();
            connect(&settings).unwrap()
        };
        let gatekeeper = Gatekeeper::new(database.clone());
        let admin = gatekeeper.platform_admin("test", Origin::command_line());
        Self { runtime: Some(runtime), database, gatekeeper, admin, died: died.map(Mutex::new) }
    }

    pub(super) fn platform(&self) -> Platform<'_> {
        self.database.platform(&self.admin)
    }

    /// Does something to its end.
    pub(super) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.as_ref().unwrap().block_on(work)
    }

    /// Lets others work for a while.
    pub(super) fn wait(&self, time: Duration) {
        self.run(async { tokio::time::sleep(time).await });
    }

    /// Whether it dies while it works, and where; or else does all of it in this time.
    pub(super) fn dies_within(&self, time: Duration) -> Option<String> {
        self.died.as_ref().and_then(|died| died.lock().unwrap().recv_timeout(time).ok())
    }

    /// As SIGKILL would: nothing it was doing goes on, and its connections break.
    pub(super) fn kill(mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
