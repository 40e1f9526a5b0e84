//! Reads that are one statement, and so need not be a transaction.

use sea_orm::{QueryResult, Statement};
use uuid::Uuid;

use super::{Dead, Lease};
use crate::Error;
use crate::connection::{Access, Asker, Binding};
use crate::error::Keys;
use crate::place::Place;

/// Whether a statement is one of a transaction, which has bound the tenant and its schema, or has to name both itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Alone { schema: Option<String> },
    InTransaction,
}

impl Lease {
    /// Runs one reading statement that needs no transaction and no tenant. It may be sent again on another connection if
    /// a pooled one turns out to have died.
    pub(crate) async fn read_alone(place: &Place, statement: Statement, keys: Keys) -> Result<Vec<QueryResult>, Error> {
        Self::read_for(place, Asker::default(), statement, keys).await
    }

    /// The same, on behalf of somebody: a crowd of one asker does not keep others waiting.
    pub(crate) async fn read_for(
        place: &Place,
        asker: Asker,
        statement: Statement,
        keys: Keys,
    ) -> Result<Vec<QueryResult>, Error> {
        let key = place.pool(Access::Read);
        let mut dead = Dead::default();
        loop {
            let mut lease = Self::take(place, &key, asker).await?;
            match lease.rows_alone(statement.clone(), keys).await {
                Err(error @ Error::Unavailable(_)) => dead.count(place, &key, error)?,
                answer => {
                    lease.ended = !matches!(answer, Err(Error::Timeout));
                    return answer;
                }
            }
        }
    }

    /// Runs one reading statement of a tenant's: by itself, if the session allows that, or else in a transaction. The
    /// statement is made when it is known which; one that stands alone binds the tenant itself. Nothing has happened if a pooled
    /// connection turns out to have died, so the next one is tried.
    pub(crate) async fn read_as(
        place: &Place,
        tenant: Uuid,
        keys: Keys,
        statement: impl Fn(Standing) -> Result<Statement, Error>,
    ) -> Result<Vec<QueryResult>, Error> {
        let (key, binding) = (place.pool(Access::Read), Binding::Tenant(tenant));
        let mut dead = Dead::default();
        loop {
            let mut lease = Self::take_for(place, &key, binding).await?;
            let alone = lease.connection()?.can_stand_alone();
            let standing = if alone { Standing::Alone { schema: place.schema() } } else { Standing::InTransaction };
            let statement = match statement(standing) {
                Ok(statement) => statement,
                Err(error) => return lease.back_unused(error),
            };
            let sent = if alone {
                let sent = lease.rows(statement, keys).await;
                // An answer that is whole leaves nothing behind; where there is none, the connection is closed already.
                lease.ended = true;
                sent
            } else {
                match lease.begin_here(place, Access::Read, binding).await {
                    Ok(()) => lease.rows_to_the_end(statement, keys).await,
                    Err(error) => Err(error),
                }
            };
            match sent {
                Err(error @ Error::Unavailable(_)) => dead.count(place, &key, error)?,
                answer => return answer,
            }
        }
    }

    async fn rows_to_the_end(mut self, statement: Statement, keys: Keys) -> Result<Vec<QueryResult>, Error> {
        match self.rows(statement, keys).await {
            Ok(rows) => self.commit().await.map(|()| rows),
            Err(error) => {
                self.roll_back().await;
                Err(error)
            }
        }
    }

    /// Goes back as it came, because there is nothing to send.
    pub(super) fn back_unused<T>(mut self, error: Error) -> Result<T, Error> {
        self.ended = true;
        Err(error)
    }

    /// Where statements are passing, a transaction holds the two messages of one together.
    async fn rows_alone(&mut self, statement: Statement, keys: Keys) -> Result<Vec<QueryResult>, Error> {
        if !self.connection()?.needs_transaction() {
            return self.rows(statement, keys).await;
        }
        self.run("BEGIN READ ONLY").await?;
        let rows = self.rows(statement, keys).await;
        let ended = self.run("ROLLBACK").await;
        rows.and_then(|rows| ended.map(|()| rows))
    }
}
