//! Inserts that are one statement: it enters the place, counts what it adds, and inserts.

use sea_orm::Statement;

use super::{Dead, Lease, Standing, refused};
use crate::cache::Written;
use crate::connection::{Access, Binding};
use crate::error::{Error, Keys};
use crate::place::Place;
use crate::tally::Pending;

impl Lease {
    /// Inserts rows of a tenant's that add this to its tally: in one statement, if the session allows that and no limit is concerned, or
    /// else in a transaction. The statement is made when it is known which.
    ///
    /// The ids of the rows must be new ones. If a connection dies on the way, nobody knows whether they were inserted: so they are
    /// inserted again on another one, and that their ids are taken means that they had been.
    pub(crate) async fn insert(
        place: &Place,
        pending: Pending,
        keys: Keys,
        statement: impl Fn(Standing, &Pending) -> Result<Statement, Error>,
    ) -> Result<(), Error> {
        let binding = Binding::Tenant(pending.tenant());
        let (key, cache) = (place.pool(Access::Write), &place.terms.cache);
        let (mut dead, mut announced, mut is_again) = (Dead::default(), None, false);
        loop {
            let mut lease = Self::take_for(place, &key, binding).await?;
            if pending.is_limited() || !lease.connection()?.can_stand_alone() {
                // Nothing was sent.
                lease.ended = true;
                drop(lease);
                return Self::insert_in_transaction(place, pending, keys, statement).await;
            }
            let statement = match statement(Standing::Alone { schema: place.schema() }, &pending) {
                Ok(statement) => statement,
                Err(error) => return lease.back_unused(error),
            };
            if announced.is_none() {
                let areas = Written::by(&statement.sql, pending.tenant()).into_areas();
                announced = Some(cache.announce(areas).await);
                place.terms.steps.reach("write announced").await;
            }
            let sent = lease.affected(statement, keys).await;
            place.terms.steps.reach("write committed").await;
            // An answer that is whole leaves nothing behind; where there is none, the connection is closed already.
            lease.ended = true;
            let is_lost = lease.is_lost;
            drop(lease);
            let inserted = match sent {
                Err(error) if is_lost => {
                    dead.count(place, &key, error)?;
                    is_again = true;
                    continue;
                }
                Err(Error::Conflict { field: Some("id") }) if is_again => Ok(()),
                Err(error) => Err(error),
                Ok(_) => Ok(()),
            };
            if !matches!(inserted, Err(Error::Timeout))
                && let Some(announced) = announced
            {
                announced.settle().await;
            }
            return match inserted {
                Ok(()) => Ok(()),
                Err(error) => Err(refused(place, error).await),
            };
        }
    }

    async fn insert_in_transaction(
        place: &Place,
        pending: Pending,
        keys: Keys,
        statement: impl Fn(Standing, &Pending) -> Result<Statement, Error>,
    ) -> Result<(), Error> {
        let mut lease = Self::begin(place, Access::Write, Binding::Tenant(pending.tenant())).await?;
        let sent = lease.affected(statement(Standing::InTransaction, &pending)?, keys).await;
        if sent.is_err() {
            lease.roll_back().await;
        }
        sent?;
        lease.pending = Some(Box::new(pending));
        lease.commit().await
    }
}
