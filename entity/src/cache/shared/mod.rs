//! The cache that the processes of an installation share, in Redis.
//!
//! Nobody needs Redis to be answered. The question is how to go on without it, and come back to it, without a stale answer:
//!
//! * **A process beats** ten times a second: it says that it is there. As long as it does, it says so before it writes, and waits
//!   for that to be heard. The answer to a beat [grants](link::GRANT) the use of the cache for 300 ms, unless another process is
//!   [overdue](link::OVERDUE): that one may be writing unheard.
//! * **A write that is not heard** makes its process [leave](Shared::leave): it beats no more, and waits until the others must
//!   have noticed. From then on its reads and writes go past the cache at once: Redis costs one wait, not one each.
//! * **To come back** it waits for its unheard writes to end, and gives all of the cache a new epoch with its first beat. What was
//!   kept before is not found again.
//! * **A server that starts again** is another [run](link::Link): what it brings back from a snapshot is not found.
//!
//! A process that ends without a word is waited for, for five seconds. If it lives on, cut off from Redis while the others are
//! not, for longer than that, its writes reach them with `CACHE_TTL`.

mod identity;
mod keeper;
mod link;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use deadpool_redis::Pool;
use tokio::sync::{Notify, OnceCell, RwLock, RwLockReadGuard, watch};

use super::{Answer, Area, Found, Lifetimes, Question, Seat, Stamp};
use crate::place::Place;
use crate::redis::{PATIENCE, PoolError, Redis};
use link::{GRANT, Link, OVERDUE, Trouble, token};

/// After the last beat, nobody takes this process to be there any more, and nobody has a grant from before. A beat may be heard as
/// late as it is waited for.
const FORGOTTEN: Duration =
    PATIENCE.saturating_add(OVERDUE).saturating_add(GRANT).saturating_add(Duration::from_millis(50));

/// How long the first writes wait for the first beat.
const FIRST: Duration = Duration::from_secs(1);

pub(super) struct Shared {
    pool: Pool,
    /// Names this process.
    me: String,
    lifetimes: Lifetimes,
    /// Where it is asked which installation this is.
    home: OnceLock<Weak<Place>>,
    installation: OnceCell<String>,
    /// The connection, as long as this process beats. Whoever writes unheard holds on to there being none.
    link: RwLock<Option<Link>>,
    grant: Mutex<Grant>,
    /// Whether it was tried to beat; never, where nobody serves.
    tried: watch::Sender<bool>,
    is_kept: AtomicBool,
    /// Whether anything may have been written unheard since this process last beat.
    unheard: AtomicBool,
    /// Wakes the keeper.
    trouble: Notify,
    /// The connection of a process that only writes now and then.
    visit: tokio::sync::Mutex<Option<Link>>,
    /// Whether there was a write of which nobody could be told, and for which nobody waited.
    has_lost: AtomicBool,
}

/// What this process may do, by the clock.
#[derive(Default)]
struct Grant {
    /// Until when it may use the cache.
    until: Option<Instant>,
    last_beat: Option<Instant>,
    /// Until when it must not come back: something that nobody heard of may still be committed.
    away: Option<Instant>,
}

/// A write that is about to be committed.
pub(super) enum Writing<'s> {
    /// Everybody knows.
    Heard(Link, Announcement),
    Unheard(Unheard<'s>),
    /// Nobody could be told, and nobody waits: there is no keeper here.
    Lost,
}

/// What a write has said of itself.
pub(super) struct Announcement {
    who: String,
    /// The stamp of each area from before it; none that was forgotten.
    before: Vec<Option<String>>,
}

/// A write of which nobody knows. This process does not come back before it has ended, and then gives all of the cache a new epoch.
pub(super) struct Unheard<'s> {
    shared: &'s Shared,
    _held: RwLockReadGuard<'s, Option<Link>>,
    has_ended: bool,
}

impl Drop for Unheard<'_> {
    /// If nobody knows how it ended, it may do so for as long as a commit takes.
    fn drop(&mut self) {
        if !self.has_ended {
            let until = Instant::now() + self.shared.lifetimes.commit;
            let away = &mut self.shared.grant().away;
            *away = (*away).max(Some(until));
        }
    }
}

impl Shared {
    pub(super) fn new(redis: &Redis, lifetimes: Lifetimes) -> Result<Self, PoolError> {
        Ok(Self {
            pool: redis.pool()?,
            me: token(),
            lifetimes,
            home: OnceLock::new(),
            installation: OnceCell::new(),
            link: RwLock::default(),
            grant: Mutex::default(),
            tried: watch::Sender::new(false),
            is_kept: AtomicBool::new(false),
            unheard: AtomicBool::new(false),
            trouble: Notify::new(),
            visit: tokio::sync::Mutex::default(),
            has_lost: AtomicBool::new(false),
        })
    }

    pub(super) fn set_home(&self, home: &Arc<Place>) {
        // There is one home; a second is the same.
        let _ = self.home.set(Arc::downgrade(home));
    }

    /// Whether the cache may be used now.
    pub(super) fn is_granted(&self) -> bool {
        self.grant().until.is_some_and(|until| Instant::now() < until)
    }

    pub(super) async fn look(&self, area: &Area, question: Question) -> Found {
        let Some(link) = self.granted() else { return Found::Bypass };
        self.noticed(link.look(area, question).await).unwrap_or(Found::Bypass)
    }

    pub(super) async fn look_at(&self, seat: &Seat) -> Found {
        let Some(link) = self.granted() else { return Found::Bypass };
        match self.noticed(link.get(&key(seat)).await) {
            Some(Some(answer)) => Found::Answer(Answer::Text(answer.into())),
            Some(None) => Found::Nothing(seat.clone()),
            None => Found::Bypass,
        }
    }

    pub(super) async fn keep(&self, seat: &Seat, text: &[u8]) {
        let Some(link) = self.granted() else { return };
        let lifetime = match seat.area {
            Area::Names if text == b"[]" => self.lifetimes.nobody,
            Area::Names => self.lifetimes.names,
            Area::Table { .. } => self.lifetimes.rows,
        };
        self.noticed(link.set(&key(seat), text, lifetime).await);
    }

    /// Whether other processes may not have heard of something that was written here.
    pub(super) fn has_lost(&self) -> bool {
        self.has_lost.load(Ordering::Acquire)
    }

    pub(super) async fn announce(&self, areas: &[Area]) -> Writing<'_> {
        if !self.is_kept.load(Ordering::Acquire) {
            return self.announce_visiting(areas).await;
        }
        self.first_beat().await;
        loop {
            let link = self.link.read().await;
            let Some(heard) = link.clone() else {
                self.unheard.store(true, Ordering::Release);
                self.until_forgotten().await;
                return Writing::Unheard(Unheard { shared: self, _held: link, has_ended: false });
            };
            drop(link);
            let who = token();
            match heard.write(areas, &who, Some(self.lifetimes.commit)).await {
                Ok(before) => return Writing::Heard(heard, Announcement { who, before }),
                Err(trouble) => self.leave(&heard, &trouble).await,
            }
        }
    }

    /// Says that a write has ended, by the connection of now: that it was announced may be lost with the run it was announced to.
    pub(super) async fn settle(&self, areas: &[Area], writing: Writing<'_>) {
        let (mut link, who) = match writing {
            Writing::Heard(link, Announcement { who, .. }) => (link, who),
            Writing::Unheard(mut write) => {
                write.has_ended = true;
                return;
            }
            Writing::Lost => return,
        };
        while let Err(trouble) = link.write(areas, &who, None).await {
            if !self.is_kept.load(Ordering::Acquire) {
                self.visit(areas, Some(&who)).await;
                return;
            }
            self.leave(&link, &trouble).await;
            let now = self.link.read().await;
            let Some(next) = now.clone() else {
                // The next epoch makes up for it.
                self.unheard.store(true, Ordering::Release);
                drop(now);
                return self.until_forgotten().await;
            };
            link = next;
        }
    }

    /// Says that a write has written nothing, where it was announced; or else as if it had.
    pub(super) async fn withdraw(&self, areas: &[Area], writing: Writing<'_>) {
        if let Writing::Heard(link, Announcement { who, before }) = &writing
            && link.withdraw(areas, who, before).await.is_ok()
        {
            return;
        }
        self.settle(areas, writing).await;
    }

    /// Announces from a process that does not use the cache, such as a command.
    async fn announce_visiting(&self, areas: &[Area]) -> Writing<'_> {
        match self.visit(areas, None).await {
            Some((link, announcement)) => Writing::Heard(link, announcement),
            None => Writing::Lost,
        }
    }

    /// Tells by the connection of visits, or a new one, that there will be a write, or that this one has ended. None if nobody could be
    /// told.
    async fn visit(&self, areas: &[Area], ended: Option<&str>) -> Option<(Link, Announcement)> {
        let commit = ended.is_none().then_some(self.lifetimes.commit);
        let mut visit = self.visit.lock().await;
        for _ in 0..2 {
            if visit.is_none() {
                *visit = self.connect().await.inspect_err(|trouble| tracing::debug!(%trouble, "Redis")).ok();
            }
            let Some(link) = visit.clone() else { break };
            // What was not answered may yet be heard: each time, it is announced under another name.
            let who = ended.map_or_else(token, str::to_owned);
            if let Ok(before) = link.write(areas, &who, commit).await {
                return Some((link, Announcement { who, before }));
            }
            *visit = None;
        }
        self.has_lost.store(true, Ordering::Release);
        tracing::warn!("Redis does not answer: serving processes may not notice a change before CACHE_TTL is over");
        None
    }

    /// The connection, if the cache may be used.
    fn granted(&self) -> Option<Link> {
        if !self.is_granted() {
            return None;
        }
        // Nobody waits: whoever holds it is about to leave or to come back.
        self.link.try_read().ok()?.clone()
    }

    /// After a failure, nobody uses the cache until the keeper has looked.
    fn noticed<T>(&self, outcome: Result<T, Trouble>) -> Option<T> {
        outcome
            .inspect_err(|_| {
                self.grant().until = None;
                self.trouble.notify_one();
            })
            .ok()
    }

    /// Beats no more by this connection.
    async fn leave(&self, left: &Link, trouble: &Trouble) {
        self.grant().until = None;
        let mut link = self.link.write().await;
        if link.as_ref().is_some_and(|link| link.is(left)) {
            tracing::warn!(%trouble, "Redis cannot be used: going on without the cache");
            *link = None;
            self.unheard.store(true, Ordering::Release);
        }
        drop(link);
        self.trouble.notify_one();
    }

    /// Until no other process takes this one to be there, or uses the cache by a grant from when it was.
    async fn until_forgotten(&self) {
        let last_beat = self.grant().last_beat;
        if let Some(last_beat) = last_beat {
            tokio::time::sleep_until((last_beat + FORGOTTEN).into()).await;
        }
    }

    async fn first_beat(&self) {
        let mut tried = self.tried.subscribe();
        if !*tried.borrow() {
            let _ = tokio::time::timeout(FIRST, tried.wait_for(|tried| *tried)).await;
        }
    }

    async fn connect(&self) -> Result<Link, Trouble> {
        let installation = self.installation.get_or_try_init(|| identity::of(&self.home)).await?;
        Link::connect(&self.pool, installation).await
    }

    fn grant(&self) -> MutexGuard<'_, Grant> {
        self.grant.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where an answer is kept.
fn key(seat: &Seat) -> String {
    let Seat { area, question, stamp } = seat;
    match stamp {
        Stamp::Shared(stamp) => format!("{stamp}{area}:{question}"),
        Stamp::Local(number) => format!("{number}:{area}:{question}"),
    }
}
