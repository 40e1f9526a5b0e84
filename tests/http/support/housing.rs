//! Where the tenants of a test live.

use std::sync::atomic::{AtomicUsize, Ordering};

use testkit::TestDatabase;

use super::app::TestApp;

/// A database, and in which places its tenants live: new ones go to each of them by turns.
pub(crate) struct Housing {
    /// The database.
    pub(crate) database: TestDatabase,
    /// Isolations, as the API writes them.
    pub(crate) places: &'static [&'static str],
}

impl From<TestDatabase> for Housing {
    fn from(database: TestDatabase) -> Self {
        Self { database, places: &["shared"] }
    }
}

/// Whose turn it is.
pub(super) struct Turns {
    pub(super) places: &'static [&'static str],
    given: AtomicUsize,
}

impl Turns {
    pub(super) fn new(places: &'static [&'static str]) -> Self {
        Self { places, given: AtomicUsize::new(0) }
    }

    /// Where the next tenant lives.
    pub(super) fn next(&self) -> &'static str {
        self.places[self.given.fetch_add(1, Ordering::Relaxed) % self.places.len()]
    }
}

/// What a test may take.
pub(crate) trait FromHousing {
    /// Makes it on a fresh database.
    async fn from_housing(housing: Housing) -> Self;
}

impl FromHousing for Housing {
    async fn from_housing(housing: Housing) -> Self {
        housing
    }
}

impl FromHousing for TestDatabase {
    async fn from_housing(housing: Housing) -> Self {
        housing.database
    }
}

impl FromHousing for TestApp {
    async fn from_housing(housing: Housing) -> Self {
        TestApp::on(housing).await
    }
}
