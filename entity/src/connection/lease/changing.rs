//! Changes of one row that are one statement: it changes or deletes the row, enters the place, and counts that.

use std::time::Duration;

use sea_orm::{QueryResult, Statement};
use uuid::Uuid;

use super::{Dead, Lease, Standing, refused};
use crate::cache::Written;
use crate::connection::{Access, Binding};
use crate::error::{Error, Keys};
use crate::place::Place;

/// How long a connection may have rested to be trusted with a change at once.
const TRUSTED: Duration = Duration::from_secs(1);

/// What came of a change that was to stand alone.
pub(crate) enum Begun {
    /// It is done, and this is what it returned.
    Changed(Vec<QueryResult>),
    /// Nothing is done. There is a transaction to do it in.
    Transaction(Lease),
}

impl Lease {
    /// Sends a statement that stands alone and changes a row of the tenant's, if the session allows that. If it does not, or if the
    /// statement changes nothing, a transaction is begun: there may be no such row, or somebody changed it at this very moment, or
    /// PostgreSQL did not take the way that was meant for it.
    ///
    /// If a connection breaks before it has answered, nobody knows whether the row was changed, as nobody knows after a `COMMIT`. So one
    /// that has rested, and may have died meanwhile, is asked for a transaction first: then the next one can be tried.
    pub(crate) async fn change_or_begin(
        place: &Place,
        tenant: Uuid,
        keys: Keys,
        alone: impl Fn(Standing) -> Result<Statement, Error>,
    ) -> Result<Begun, Error> {
        let (key, binding) = (place.pool(Access::Write), Binding::Tenant(tenant));
        let mut dead = Dead::default();
        loop {
            let mut lease = Self::take_for(place, &key, binding).await?;
            if lease.may_change_alone()? {
                let statement = match alone(Standing::Alone { schema: place.schema() }) {
                    Ok(statement) => statement,
                    Err(error) => return lease.back_unused(error),
                };
                let (left, sent) = lease.changed(place, tenant, statement, keys).await;
                match (left, sent) {
                    (Some(left), Ok(_)) => lease = left,
                    (_, Ok(rows)) => return Ok(Begun::Changed(rows)),
                    (_, Err(error)) => return Err(refused(place, error).await),
                }
            }
            match lease.begun(place, Access::Write, binding).await {
                Err(error @ Error::Unavailable(_)) => dead.count(place, &key, error)?,
                begun => return begun.map(Begun::Transaction),
            }
        }
    }

    fn may_change_alone(&mut self) -> Result<bool, Error> {
        let is_trusted = self.pooled.as_ref().is_some_and(|pooled| pooled.rested() < TRUSTED);
        Ok(self.connection()?.can_stand_alone() && is_trusted)
    }

    /// What the statement returned, and the lease if it changed nothing.
    async fn changed(
        mut self,
        place: &Place,
        tenant: Uuid,
        statement: Statement,
        keys: Keys,
    ) -> (Option<Self>, Result<Vec<QueryResult>, Error>) {
        let areas = Written::by(&statement.sql, tenant).into_areas();
        let announced = place.terms.cache.announce(areas).await;
        place.terms.steps.reach("write announced").await;
        let sent = self.rows(statement, keys).await;
        place.terms.steps.reach("write committed").await;
        let left = match &sent {
            Ok(rows) if rows.is_empty() => Some(self),
            _ => {
                // An answer that is whole leaves nothing behind; where there is none, the connection is closed already. Others
                // need it more than the cache does.
                self.ended = true;
                drop(self);
                None
            }
        };
        match &sent {
            Err(Error::Timeout | Error::Unavailable(_)) => {}
            Err(error) if error.is_refusal() => announced.withdraw().await,
            Ok(rows) if rows.is_empty() => announced.withdraw().await,
            Ok(_) | Err(_) => announced.settle().await,
        }
        (left, sent)
    }
}
