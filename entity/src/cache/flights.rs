//! Single flight: of those who miss the same answer at once, one asks the database, and all get its answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use super::{Answer, Seat};
use crate::error::Error;

/// The outcome of one flight, once it is there. An error is everybody's too: those who wait must not try one after the other.
type Flight = Arc<OnceCell<Result<Answer, Error>>>;

/// The flights that are under way.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Seat, Flight>>);

impl Flights {
    /// The outcome of `load`, or of that of somebody who came before. If that one goes away half-way, the next one loads.
    pub(super) async fn join(
        &self,
        seat: &Seat,
        load: impl Future<Output = Result<Answer, Error>>,
    ) -> Result<Answer, Error> {
        let passenger =
            Passenger { flights: self, seat, flight: Arc::clone(self.under_way().entry(seat.clone()).or_default()) };
        passenger.flight.get_or_init(|| load).await.clone()
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<Seat, Flight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits for a flight. The last one takes it off the list, also when it is dropped; whoever finds it landed does.
struct Passenger<'f> {
    flights: &'f Flights,
    seat: &'f Seat,
    flight: Flight,
}

impl Drop for Passenger<'_> {
    fn drop(&mut self) {
        let mut under_way = self.flights.under_way();
        let is_this = under_way.get(self.seat).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight));
        // The list's, and this one's.
        let is_last = Arc::strong_count(&self.flight) == 2;
        if is_this && (self.flight.initialized() || is_last) {
            under_way.remove(self.seat);
        }
    }
}
