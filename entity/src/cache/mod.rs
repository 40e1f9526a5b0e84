//! The cache: tenants by name, single rows and first pages, so that most reads need no database.
//!
//! It knows three things:
//!
//! * An [`Area`] is what a write makes doubtful as a whole: one table of one tenant, or the names of all tenants.
//! * A [`Question`] is one value of an area: this row, that list. It is a digest of everything that the answer depends on.
//! * A *stamp* says which state of an area an answer is about. Every write gives its area a new one that never was before, and
//!   answers are kept under the stamp that was there before the database was asked. So clearing an area is giving it a new stamp,
//!   and whoever comes late with an old answer puts it where nobody looks any more.
//!
//! Reads come in by [`Cache::read`], from scopes and from the gatekeeper: both have settled who is asking. Writes come in by
//! the lease, through which every statement goes: it sees which tables a transaction writes ([`written`]), and
//! [announces](Cache::announce) them before `COMMIT` and settles them after it. In between, the area is read past the cache. A
//! process that dies in between leaves that behind for [as long as a commit may take](Lifetimes::commit), and nothing stale.
//!
//! What is kept are rows as the database has them, before anything of them is opened.

mod answer;
mod area;
mod counts;
mod flights;
mod lifetimes;
mod local;
mod shared;
mod watch;
mod written;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use sea_orm::DbBackend;
use uuid::Uuid;

use crate::error::Error;
use crate::place::Place;
use crate::redis::PoolError;
use crate::settings::{CacheMode, DatabaseSettings};
use crate::steps::Steps;
use answer::Answer;
use counts::Counters;
use flights::Flights;
use lifetimes::Lifetimes;
use local::Local;
use shared::{Shared, Writing};

pub(crate) use answer::Keepable;
pub(crate) use area::{Area, Question};
pub use counts::{CacheCounts, CacheStatus, LookObserver, Looked};
pub(crate) use written::{Written, going_with};

/// Largest answer that is kept, in bytes: larger ones would push out hundreds of others.
const LARGEST: usize = 256 << 10;

/// What this process remembers of the database.
pub(crate) struct Cache {
    backing: Backing,
    flights: Flights,
    counters: Counters,
    lifetimes: Lifetimes,
    mode: CacheMode,
    steps: Steps,
}

/// Where answers are kept.
enum Backing {
    Off,
    /// In this process.
    Local(Box<Local>),
    /// In Redis.
    Shared(Arc<Shared>),
}

/// What looking for an answer found.
enum Found {
    Answer(Answer),
    /// Nothing, but an answer can be kept at this place.
    Nothing(Seat),
    /// The area is being written, or the cache cannot be used now: the database is asked, and nothing is kept.
    Bypass,
}

/// Where an answer belongs: a question, under the stamp that its area had when it was asked.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Seat {
    area: Area,
    question: Question,
    stamp: Stamp,
}

/// A state of an area.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Stamp {
    Local(u64),
    /// As the keys of answers in Redis begin.
    Shared(Arc<str>),
}

impl Cache {
    pub(crate) fn new(settings: &DatabaseSettings) -> Result<Self, PoolError> {
        let lifetimes = Lifetimes::of(settings);
        let backing = match &settings.redis {
            // Also where it is not read: the others must hear of writes.
            Some(redis) => Backing::Shared(Arc::new(Shared::new(redis, lifetimes)?)),
            None if settings.cache.mode == CacheMode::Off => Backing::Off,
            None => Backing::Local(Box::new(Local::new(settings.cache.size, lifetimes))),
        };
        Ok(Self {
            backing,
            flights: Flights::default(),
            counters: Counters::new(settings.looks.clone()),
            lifetimes,
            mode: settings.cache.mode,
            steps: settings.cache_steps.clone(),
        })
    }

    /// The answer that is kept, or else the one that `load` gets from the database. Of those who ask the same at once, one loads.
    ///
    /// To load is a large future, and most who ask need none: it is made, and boxed, only for those who do.
    pub(crate) async fn read<T: Keepable, F: Future<Output = Result<T, Error>> + Send>(
        &self,
        area: Area,
        question: Question,
        load: impl FnOnce() -> F + Send,
    ) -> Result<T, Error> {
        self.read_if(area, question, |_| true, load).await
    }

    /// The same, but only such an answer `lasts` and is kept.
    pub(crate) async fn read_if<T: Keepable, F: Future<Output = Result<T, Error>> + Send>(
        &self,
        area: Area,
        question: Question,
        lasts: impl Fn(&T) -> bool + Send,
        load: impl FnOnce() -> F + Send,
    ) -> Result<T, Error> {
        let (found, looked) = match self.look(&area, question).await {
            Found::Answer(kept) => match kept.get() {
                Some(answer) => (Some(answer), Looked::Hit),
                // In the words of another version of the program.
                None => (None, Looked::Bypass),
            },
            Found::Nothing(seat) => {
                let loaded = self.flights.join(&seat, self.load(&seat, lasts, load).boxed()).await?;
                self.counters.count(&area, Looked::Miss);
                return loaded.get().ok_or_else(|| Error::Internal("an answer cannot be kept".to_owned()));
            }
            Found::Bypass => (None, Looked::Bypass),
        };
        self.counters.count(&area, looked);
        match found {
            Some(answer) => Ok(answer),
            None => load().boxed().await,
        }
    }

    async fn load<T: Keepable, F: Future<Output = Result<T, Error>> + Send>(
        &self,
        seat: &Seat,
        lasts: impl Fn(&T) -> bool + Send,
        load: impl FnOnce() -> F + Send,
    ) -> Result<Answer, Error> {
        // Another flight may have landed between the look and this one.
        if let Found::Answer(kept) = self.look_at(seat).await
            && kept.get::<T>().is_some()
        {
            return Ok(kept);
        }
        let answer = load().await?;
        let kept = match self.backing {
            Backing::Local(_) => Answer::value(&answer)?,
            Backing::Off | Backing::Shared(_) => Answer::text(&answer)?,
        };
        self.steps.reach("answer loaded").await;
        if kept.size() <= LARGEST && lasts(&answer) {
            self.keep(seat, &kept).await;
        }
        Ok(kept)
    }

    async fn look(&self, area: &Area, question: Question) -> Found {
        match &self.backing {
            Backing::Local(local) => local.look(area, question),
            Backing::Shared(shared) if self.mode != CacheMode::Off => shared.look(area, question).boxed().await,
            Backing::Off | Backing::Shared(_) => Found::Bypass,
        }
    }

    async fn look_at(&self, seat: &Seat) -> Found {
        match &self.backing {
            Backing::Off => Found::Bypass,
            Backing::Local(local) => local.look_at(seat),
            Backing::Shared(shared) => shared.look_at(seat).boxed().await,
        }
    }

    async fn keep(&self, seat: &Seat, answer: &Answer) {
        match (&self.backing, answer) {
            (Backing::Local(local), _) => local.keep(seat, answer.clone()),
            (Backing::Shared(shared), Answer::Text(text)) => shared.keep(seat, text).boxed().await,
            (Backing::Off | Backing::Shared(_), _) => {}
        }
    }

    /// Says that these areas are about to be changed by a `COMMIT`. From now on they are read past the cache, until
    /// [`Announced::settle`] says that it has ended.
    pub(crate) async fn announce(&self, mut areas: Vec<Area>) -> Announced<'_> {
        if matches!(self.backing, Backing::Local(_)) && !self.keeps_rows() {
            // Nobody has kept any. In Redis, others may have.
            areas.retain(|area| *area == Area::Names);
        }
        let pending = match &self.backing {
            _ if areas.is_empty() => Pending::Nothing,
            Backing::Off => Pending::Nothing,
            Backing::Local(local) => Pending::Local(local, local.announce(&areas)),
            Backing::Shared(shared) => Pending::Shared(shared, shared.announce(&areas).boxed().await),
        };
        Announced { areas, pending }
    }

    /// Makes everything in these areas doubtful.
    pub(crate) async fn clear(&self, areas: Vec<Area>) {
        self.announce(areas).await.settle().await;
    }

    /// Where it can be asked which installation this is.
    pub(crate) fn set_home(&self, home: &Arc<Place>) {
        if let Backing::Shared(shared) = &self.backing {
            shared.set_home(home);
        }
    }

    /// Keeps it true and in use, for as long as this is polled: is there in Redis, even if only to be heard, or asks the catalog
    /// whether it has changed.
    pub(crate) async fn tend(&self, catalog: &Place) {
        match &self.backing {
            Backing::Off => {}
            // An SQLite file has one process that serves it.
            Backing::Local(local) if catalog.backend() == DbBackend::Postgres => local.keep_asking(catalog).await,
            Backing::Local(_) => {}
            Backing::Shared(shared) => Arc::clone(shared).keep_beating().await,
        }
    }

    /// Uses Redis no more.
    pub(crate) async fn say_farewell(&self) {
        if let Backing::Shared(shared) = &self.backing {
            shared.say_farewell().await;
        }
    }

    /// How long ago a tenant may have been where a name is still said to lead.
    pub(crate) fn oldest_name(&self) -> Duration {
        match self.backing {
            Backing::Off => Duration::ZERO,
            Backing::Local(_) => self.lifetimes.behind,
            Backing::Shared(_) => self.lifetimes.names,
        }
    }

    /// Whether other processes may not have heard of something that was written here.
    pub(crate) fn has_lost(&self) -> bool {
        matches!(&self.backing, Backing::Shared(shared) if shared.has_lost())
    }

    /// Whether rows are ever kept: what would have to be worked out to look for them need not be, otherwise.
    pub(crate) fn keeps_rows(&self) -> bool {
        matches!(self.mode, CacheMode::On | CacheMode::Alone)
    }

    /// Whether it can be used now.
    pub(crate) fn is_usable(&self) -> bool {
        match &self.backing {
            Backing::Off => false,
            Backing::Local(_) => true,
            Backing::Shared(shared) => self.mode != CacheMode::Off && shared.is_granted(),
        }
    }

    /// How often it helped.
    pub(crate) fn status(&self) -> CacheStatus {
        let (evictions, bytes) = match &self.backing {
            Backing::Off | Backing::Shared(_) => (0, 0),
            Backing::Local(local) => (local.evictions(), local.bytes()),
        };
        CacheStatus { is_usable: self.is_usable(), evictions, bytes, ..self.counters.status() }
    }
}

/// Areas that are being written.
#[must_use = "what is announced must be settled"]
pub(crate) struct Announced<'c> {
    areas: Vec<Area>,
    pending: Pending<'c>,
}

enum Pending<'c> {
    Nothing,
    Local(&'c Local, u64),
    Shared(&'c Shared, Writing<'c>),
}

impl Announced<'_> {
    /// Says that the `COMMIT` has ended, either way. Not called when nobody knows: then the areas are read past the cache until it
    /// must have ended.
    pub(crate) async fn settle(self) {
        match self.pending {
            Pending::Nothing => {}
            Pending::Local(local, writer) => local.settle(&self.areas, writer),
            Pending::Shared(shared, writing) => shared.settle(&self.areas, writing).boxed().await,
        }
    }

    /// Says that nothing was written, and nothing will be: what was kept before holds.
    pub(crate) async fn withdraw(self) {
        match self.pending {
            Pending::Nothing => {}
            Pending::Local(local, writer) => local.withdraw(&self.areas, writer),
            Pending::Shared(shared, writing) => shared.withdraw(&self.areas, writing).boxed().await,
        }
    }
}

/// Every table of one tenant.
pub(crate) fn all_of(tenant: Uuid) -> Vec<Area> {
    migration::TENANT_TABLES.iter().map(|table| Area::Table { tenant, table }).collect()
}
