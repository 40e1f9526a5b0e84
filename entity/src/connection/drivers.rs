//! Whose runtime drives a connection's socket.
//!
//! A socket belongs to the runtime on which it was opened. If another thread waits for an answer, that answer wakes two threads instead
//! of one: a seventh of what a read costs, server and database together. So threads that answer requests drive what is opened for them, and
//! each takes its own first.
//!
//! A socket also dies with its runtime. A web server's workers end one by one while it stops, and another may hold what they drive.
//! So connections [come home](Connections::come_home) before that: to the runtime that opened the database, which outlives them all.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::Duration;

use tokio::runtime::Handle;

use super::{Connections, Source};

/// How often connections that are to come home are looked for.
const LOOK: Duration = Duration::from_millis(5);

thread_local! {
    /// This thread's own runtime, if it drives connections.
    static OWN: RefCell<Option<Handle>> = const { RefCell::new(None) };
    /// The same by its name, which every request asks for.
    static HERE: Cell<Driver> = const { Cell::new(Driver::HOME) };
}

/// From now on this thread's runtime drives the connections that are opened for whoever asks on it.
pub(crate) fn drive_here() {
    OWN.set(Some(Handle::current()));
    HERE.set(Driver(Some(thread::current().id())));
}

/// Which thread drives a connection; none at home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Driver(Option<ThreadId>);

impl Driver {
    pub(super) const HOME: Self = Self(None);

    /// The one whose connections this thread takes first.
    pub(super) fn here() -> Self {
        HERE.get()
    }

    pub(super) fn is_home(self) -> bool {
        self == Self::HOME
    }
}

/// The runtime at home, and what other threads than their drivers hold.
pub(super) struct Drivers {
    home: Handle,
    abroad: AtomicUsize,
    are_leaving: AtomicBool,
}

impl Drivers {
    /// This runtime is home.
    pub(super) fn new() -> Self {
        Self { home: Handle::current(), abroad: AtomicUsize::new(0), are_leaving: AtomicBool::new(false) }
    }

    pub(super) fn home(&self) -> &Handle {
        &self.home
    }

    /// Where a connection of this source is opened for somebody on this thread. A file has a thread of its own that drives it.
    pub(super) fn here(&self, source: &Source) -> (Handle, Driver) {
        let is_server = matches!(source, Source::Postgres(_));
        let own = OWN.with_borrow(Option::clone).filter(|_| is_server && !self.are_leaving());
        own.map_or_else(|| self.at_home(), |own| (own, Driver::here()))
    }

    pub(super) fn at_home(&self) -> (Handle, Driver) {
        (self.home.clone(), Driver::HOME)
    }

    /// Whether what is not driven at home is kept no more.
    pub(super) fn are_leaving(&self) -> bool {
        self.are_leaving.load(Ordering::SeqCst)
    }
}

/// A connection that another thread drives than the one that holds it.
pub(super) struct Abroad(Arc<Connections>);

impl Abroad {
    /// None if this thread drives it, or home does.
    pub(super) fn of(driver: Driver, connections: &Arc<Connections>) -> Option<Self> {
        (!driver.is_home() && driver != Driver::here()).then(|| {
            connections.drivers.abroad.fetch_add(1, Ordering::SeqCst);
            Self(Arc::clone(connections))
        })
    }
}

impl Drop for Abroad {
    fn drop(&mut self) {
        self.0.drivers.abroad.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Connections {
    /// Closes all connections that are not driven at home, and opens no more of them. Whoever holds one that the same thread drives may
    /// keep it; ends when nobody holds another's.
    pub(crate) async fn come_home(&self) {
        self.drivers.are_leaving.store(true, Ordering::SeqCst);
        loop {
            let pools = self.all();
            pools.iter().for_each(|pool| pool.close_foreign());
            // In this order: whoever takes one counts it before it is missing.
            if !pools.iter().any(|pool| pool.has_foreign()) && self.drivers.abroad.load(Ordering::SeqCst) == 0 {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
