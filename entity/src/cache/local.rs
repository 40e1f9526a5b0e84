//! The cache of one process by itself.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use moka::notification::RemovalCause;
use moka::sync::Cache as Store;

use super::watch::Watch;
use super::{Answer, Area, Found, Lifetimes, Question, Seat, Stamp};
use crate::place::Place;

/// Tables share this many stamps, however many tenants there are. Two that share one only make each other doubtful. Names have their
/// own: every request asks for one, whoever writes.
const SLOTS: usize = 1 << 12;

/// What an entry takes beside its answer, in bytes.
const OVERHEAD: usize = 200;

/// Names may take this part of the memory: whoever makes up names must not push out rows.
const NAMES_PART: u64 = 8;

pub(super) struct Local {
    table_slots: Vec<Mutex<Slot>>,
    names_slot: Mutex<Slot>,
    names: Store<Seat, Kept>,
    rows: Store<Seat, Kept>,
    watch: Watch,
    /// Numbers the writers.
    writers: AtomicU64,
    evictions: Arc<AtomicU64>,
    commit: Duration,
}

/// An answer, and since when it is kept.
#[derive(Clone)]
struct Kept {
    answer: Answer,
    since: Instant,
}

/// The stamp of some areas, and who is about to change it.
#[derive(Default)]
struct Slot {
    stamp: u64,
    /// The greatest stamp that ever was.
    greatest: u64,
    writers: Vec<Writer>,
}

struct Writer {
    number: u64,
    /// The stamp from before it was announced, and the one that it got.
    stamps: [u64; 2],
    /// From then on its commit must have ended, whether or not it said so.
    until: Instant,
}

impl Local {
    pub(super) fn new(size: u64, lifetimes: Lifetimes) -> Self {
        let evictions = Arc::new(AtomicU64::new(0));
        let store = |size: u64, ttl| {
            let evicted = Arc::clone(&evictions);
            Store::builder()
                .max_capacity(size)
                .weigher(|_: &Seat, kept: &Kept| u32::try_from(kept.answer.size() + OVERHEAD).unwrap_or(u32::MAX))
                .time_to_live(ttl)
                .eviction_listener(move |_, _, cause| {
                    if cause == RemovalCause::Size {
                        evicted.fetch_add(1, Ordering::Relaxed);
                    }
                })
                .build()
        };
        Self {
            table_slots: (0..SLOTS).map(|_| Mutex::default()).collect(),
            names_slot: Mutex::default(),
            names: store(size / NAMES_PART, lifetimes.names),
            rows: store(size - size / NAMES_PART, lifetimes.rows),
            watch: Watch::new(lifetimes.behind),
            writers: AtomicU64::new(0),
            evictions,
            commit: lifetimes.commit,
        }
    }

    pub(super) fn look(&self, area: &Area, question: Question) -> Found {
        let stamp = {
            let mut slot = self.slot(area);
            slot.forget_ended();
            if !slot.writers.is_empty() {
                return Found::Bypass;
            }
            slot.stamp
        };
        self.look_at(&Seat { area: area.clone(), question, stamp: Stamp::Local(stamp) })
    }

    pub(super) fn look_at(&self, seat: &Seat) -> Found {
        match self.store(&seat.area).get(seat) {
            Some(kept) if seat.area != Area::Names || self.watch.holds(kept.since) => Found::Answer(kept.answer),
            Some(_) | None => Found::Nothing(seat.clone()),
        }
    }

    /// Asks the catalog whether names still are what they were, for as long as this is polled.
    pub(super) async fn keep_asking(&self, catalog: &Place) {
        self.watch.keep_asking(catalog, || self.slot(&Area::Names).renew()).await;
    }

    pub(super) fn keep(&self, seat: &Seat, answer: Answer) {
        self.store(&seat.area).insert(seat.clone(), Kept { answer, since: Instant::now() });
    }

    /// Gives the areas new stamps and notes a writer, whose number is returned.
    pub(super) fn announce(&self, areas: &[Area]) -> u64 {
        let number = self.writers.fetch_add(1, Ordering::Relaxed);
        let until = Instant::now() + self.commit;
        for area in areas {
            let mut slot = self.slot(area);
            let before = slot.stamp;
            slot.renew();
            let stamps = [before, slot.stamp];
            slot.writers.push(Writer { number, stamps, until });
        }
        number
    }

    /// Gives the areas new stamps again: one whose commit took too long is not waited for any more.
    pub(super) fn settle(&self, areas: &[Area], number: u64) {
        for area in areas {
            let mut slot = self.slot(area);
            slot.renew();
            slot.take_writer(number);
        }
    }

    /// The writer has written nothing: unless somebody else came in between, the areas are what they were before.
    pub(super) fn withdraw(&self, areas: &[Area], number: u64) {
        for area in areas {
            let mut slot = self.slot(area);
            match slot.take_writer(number) {
                Some(Writer { stamps: [before, given], .. }) if slot.stamp == given => slot.stamp = before,
                Some(_) | None => {}
            }
        }
    }

    pub(super) fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.names.weighted_size() + self.rows.weighted_size()
    }

    fn store(&self, area: &Area) -> &Store<Seat, Kept> {
        match area {
            Area::Names => &self.names,
            Area::Table { .. } => &self.rows,
        }
    }

    fn slot(&self, area: &Area) -> MutexGuard<'_, Slot> {
        let slot = match area {
            Area::Names => &self.names_slot,
            Area::Table { .. } => {
                let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(area);
                &self.table_slots[usize::try_from(hash % SLOTS as u64).unwrap_or_default()]
            }
        };
        slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Gives it a stamp that never was before.
    fn renew(&mut self) {
        self.greatest += 1;
        self.stamp = self.greatest;
    }

    fn take_writer(&mut self, number: u64) -> Option<Writer> {
        let at = self.writers.iter().position(|writer| writer.number == number)?;
        Some(self.writers.swap_remove(at))
    }

    fn forget_ended(&mut self) {
        if !self.writers.is_empty() {
            let now = Instant::now();
            self.writers.retain(|writer| writer.until > now);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const AREA: Area = Area::Table { tenant: Uuid::nil(), table: "posts" };

    fn local(size: u64, commit: Duration) -> Local {
        let minute = Duration::from_secs(60);
        Local::new(size, Lifetimes { rows: minute, names: minute, behind: minute, nobody: minute, commit })
    }

    fn seat(local: &Local, id: u128) -> Option<Seat> {
        match local.look(&AREA, Question::row(1, Uuid::from_u128(id))) {
            Found::Nothing(seat) => Some(seat),
            Found::Answer(_) | Found::Bypass => None,
        }
    }

    fn is_kept(local: &Local, id: u128) -> bool {
        matches!(local.look(&AREA, Question::row(1, Uuid::from_u128(id))), Found::Answer(_))
    }

    #[test]
    fn what_was_read_before_a_write_is_not_kept_for_those_after_it() {
        let local = local(1 << 20, Duration::from_secs(60));
        let late = seat(&local, 1).unwrap();
        let writer = local.announce(&[AREA]);
        assert!(matches!(local.look(&AREA, Question::row(1, Uuid::from_u128(1))), Found::Bypass));
        local.settle(&[AREA], writer);
        local.keep(&late, Answer::value(&"old".to_owned()).unwrap());
        let seat = seat(&local, 1).expect("nothing is found");
        local.keep(&seat, Answer::value(&"new".to_owned()).unwrap());
        assert!(is_kept(&local, 1));
    }

    #[test]
    fn whoever_writes_rows_leaves_names_alone() {
        let local = local(1 << 20, Duration::from_secs(60));
        let name = || local.look(&Area::Names, Question::row(1, Uuid::nil()));
        let Found::Nothing(seat) = name() else { panic!("nothing was kept") };
        local.keep(&seat, Answer::value(&"acme".to_owned()).unwrap());
        for tenant in 0..4 * SLOTS as u128 {
            local.announce(&[Area::Table { tenant: Uuid::from_u128(tenant), table: "posts" }]);
        }
        assert!(matches!(name(), Found::Answer(_)));
    }

    #[test]
    fn a_writer_that_never_settles_is_waited_for_no_longer_than_a_commit() {
        let local = local(1 << 20, Duration::from_millis(20));
        local.announce(&[AREA]);
        assert!(seat(&local, 1).is_none());
        let began = Instant::now();
        while seat(&local, 1).is_none() {
            assert!(began.elapsed() < Duration::from_secs(10));
        }
    }

    #[test]
    fn two_writers_are_both_waited_for() {
        let local = local(1 << 20, Duration::from_secs(60));
        let (one, other) = (local.announce(&[AREA]), local.announce(&[AREA]));
        local.settle(&[AREA], one);
        assert!(seat(&local, 1).is_none());
        local.settle(&[AREA], other);
        assert!(seat(&local, 1).is_some());
    }

    fn keep(local: &Local, id: u128) {
        local.keep(&seat(local, id).unwrap(), Answer::value(&"kept".to_owned()).unwrap());
    }

    #[test]
    fn what_was_kept_is_found_again_after_a_write_that_wrote_nothing() {
        let local = local(1 << 20, Duration::from_secs(60));
        keep(&local, 1);
        let writer = local.announce(&[AREA]);
        assert!(!is_kept(&local, 1), "nobody knows yet");
        local.withdraw(&[AREA], writer);
        assert!(is_kept(&local, 1));
        let writer = local.announce(&[AREA]);
        local.settle(&[AREA], writer);
        assert!(!is_kept(&local, 1));
    }

    #[test]
    fn nothing_is_found_again_if_another_wrote_meanwhile() {
        // Whether the one that writes is announced first, and whether it ends first.
        for (writes_first, ends_first) in [(false, true), (true, false), (true, true), (false, false)] {
            let local = local(1 << 20, Duration::from_secs(60));
            keep(&local, 1);
            let (first, second) = (local.announce(&[AREA]), local.announce(&[AREA]));
            let (writer, other) = if writes_first { (first, second) } else { (second, first) };
            if ends_first {
                local.settle(&[AREA], writer);
                local.withdraw(&[AREA], other);
            } else {
                local.withdraw(&[AREA], other);
                local.settle(&[AREA], writer);
            }
            assert!(!is_kept(&local, 1), "{writes_first} {ends_first}");
        }
    }

    /// Whoever looked after a writer had been forgotten comes late, after the next write.
    #[test]
    fn a_stamp_that_was_withdrawn_never_comes_back() {
        let local = local(1 << 20, Duration::from_millis(20));
        let slow = local.announce(&[AREA]);
        let late = std::iter::repeat_with(|| seat(&local, 1)).flatten().next().unwrap();
        local.withdraw(&[AREA], slow);
        let writer = local.announce(&[AREA]);
        local.settle(&[AREA], writer);
        local.keep(&late, Answer::value(&"old".to_owned()).unwrap());
        assert!(!is_kept(&local, 1));
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let size = 80_000;
        let local = local(size, Duration::from_secs(60));
        for id in 0..1_000 {
            let seat = seat(&local, id).unwrap();
            local.keep(&seat, Answer::value(&"x".repeat(800)).unwrap());
        }
        local.rows.run_pending_tasks();
        assert!(local.bytes() <= size && local.evictions() > 500, "{} {}", local.bytes(), local.evictions());
    }
}
