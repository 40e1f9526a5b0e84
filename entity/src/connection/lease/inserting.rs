//! Inserts that are one statement: it enters the place, counts what it adds, and inserts.

use sea_orm::Statement;

use super::{Dead, Lease, Standing, refused};
use crate::cache::Written;
use crate::connection::{Access, Binding};
use crate::error::{Error, Keys};
use crate::place::Place;
use crate::tally::Pending;

impl Lease {
    /// Inserts a row of a tenant's that adds this to its tally: in one statement, if the session allows that and no limit is concerned, or
    /// else in a transaction. The statement is made when it is known which.
    ///
    /// The row's id must be a new one. If a connection dies on the way, nobody knows whether the row was inserted: so it is
    /// inserted again on another one, and that its id is taken means that it had been.
    pub(crate) async fn insert(
        place: &Place,
        pending: Pending,
        keys: Keys,
        statement: impl Fn(Standing) -> Result<Statement, Error>,
    ) -> Result<(), Error> {
        let binding = Binding::Tenant(pending.tenant());
        let (key, cache) = (place.pool(Access::Write), &place.terms.cache);
        let (mut dead, mut announced, mut is_again) = (Dead::default(), None, false);
        let inserted = loop {
            let mut lease = Self::take_for(place, &key, binding).await?;
            if pending.is_limited() || !lease.connection()?.can_stand_alone() {
                match lease.begun(place, Access::Write, binding).await {
                    Err(error @ Error::Unavailable(_)) => dead.count(place, &key, error)?,
                    begun => return begun?.insert_and_commit(statement(Standing::InTransaction), pending, keys).await,
                }
                continue;
            }
            let statement = match statement(Standing::Alone { schema: place.schema() }) {
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
            match sent {
                Err(error) if lease.is_lost => dead.count(place, &key, error)?,
                Err(Error::Conflict { field: Some("id") }) if is_again => break Ok(()),
                // The first may have been inserted before the tenant left, and be where it is now.
                Err(Error::Moving) if is_again => {
                    break Err(Error::Unavailable("the connection broke while a row was inserted".to_owned()));
                }
                sent => break sent.and_then(one),
            }
            is_again = true;
        };
        if let Some(announced) = announced {
            match &inserted {
                Err(Error::Timeout) => {}
                // Of one that was sent before, nobody knows.
                Err(error) if error.is_refusal() && !is_again => announced.withdraw().await,
                Ok(()) | Err(_) => announced.settle().await,
            }
        }
        match inserted {
            Ok(()) => Ok(()),
            Err(error) => Err(refused(place, error).await),
        }
    }

    async fn insert_and_commit(
        mut self,
        statement: Result<Statement, Error>,
        pending: Pending,
        keys: Keys,
    ) -> Result<(), Error> {
        let sent = match statement {
            Ok(statement) => self.affected(statement, keys).await.and_then(one),
            Err(error) => Err(error),
        };
        if sent.is_err() {
            self.roll_back().await;
        }
        sent?;
        self.pending = Some(Box::new(pending));
        self.commit().await
    }
}

/// Whoever is told that a row was inserted must find one.
fn one(inserted: u64) -> Result<(), Error> {
    if inserted == 1 { Ok(()) } else { Err(Error::Internal(format!("an insert of one row inserted {inserted}"))) }
}
