//! What tenants have, read from their tallies.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryTrait, Statement};
use uuid::Uuid;

use super::counted::Tallied;
use super::pending::{Amounts, SUMS, read, summing};
use crate::connection::{Access, Binding, Lease};
use crate::database::Database;
use crate::entities::tenant;
use crate::error::{Error, Keys, internal};
use crate::place::{Caller, Place, Spot};
use crate::platform::Platform;
use crate::vocabulary::{Isolation, TenantStatus};

/// Places that are asked at once.
const AT_ONCE: usize = 4;

/// How long all places have to answer, together.
const PATIENCE: Duration = Duration::from_secs(5);

/// Rows and bytes in one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSize {
    /// Which table.
    pub table: &'static str,
    /// How many rows.
    pub rows: u64,
    /// How many bytes were stored in them.
    pub bytes: u64,
}

/// What a tenant has, by table.
pub type Stored = Vec<TableSize>;

/// What all tenants have, as far as their places answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredByAll {
    /// By table.
    pub tables: Stored,
    /// What could not be asked in time: tenants with places of their own by their slugs, and servers as `datastore:NAME`.
    pub missing: Vec<String>,
}

impl Platform<'_> {
    /// What a tenant has.
    pub async fn stored_by(&self, tenant: &tenant::Model) -> Result<Stored, Error> {
        if tenant.status == TenantStatus::Provisioning {
            return Ok(sizes(Amounts::default()));
        }
        let place = self.database().place_of(tenant)?;
        sum_of(&place, tenant.id).await.map(sizes)
    }

    /// What all tenants have, deleted ones included. Places that do not answer soon are named.
    pub async fn stored_by_all(&self) -> Result<StoredByAll, Error> {
        let find = tenant::Entity::find()
            .filter(tenant::Column::Isolation.ne(Isolation::Shared))
            .filter(tenant::Column::Status.ne(TenantStatus::Provisioning));
        let rows = self.fetch(&find.into_query()).await?;
        let own = rows.iter().map(|row| tenant::Model::from_query_result(row, "").map_err(internal));
        let own: Vec<tenant::Model> = own.collect::<Result<_, _>>()?;
        Ok(ask_all(self.database(), own).await)
    }
}

/// A place to be asked, and what it is called if it does not answer.
enum Asked {
    Shared(Place, String),
    Own(tenant::Model),
}

async fn ask_all(database: &Database, own: Vec<tenant::Model>) -> StoredByAll {
    let until = tokio::time::Instant::now() + PATIENCE;
    let shared = database.settings.stores().map(|store| {
        let name = format!("datastore:{}", store.name().unwrap_or("home"));
        Asked::Shared(database.place_as(store, Spot::Shared, Caller::Platform), name)
    });
    let asked = shared.chain(own.into_iter().map(Asked::Own)).collect::<Vec<_>>();
    let answers = stream::iter(asked).map(async |asked| {
        let answer = tokio::time::timeout_at(until, asked.sum(database)).await;
        match answer {
            Ok(Ok(sum)) => Ok(sum),
            Ok(Err(_)) | Err(_) => Err(asked.name()),
        }
    });
    let answers: Vec<_> = answers.buffer_unordered(AT_ONCE).collect().await;
    let (mut total, mut missing) = (Amounts::default(), Vec::new());
    for answer in answers {
        match answer {
            Ok(sum) => total.iter_mut().zip(sum).for_each(|(total, more)| *total += more),
            Err(name) => missing.push(name),
        }
    }
    missing.sort();
    StoredByAll { tables: sizes(total), missing }
}

impl Asked {
    async fn sum(&self, database: &Database) -> Result<Amounts, Error> {
        match self {
            Self::Own(tenant) => sum_of(&*database.place_of(tenant)?, tenant.id).await,
            Self::Shared(place, _) => {
                let statement = Statement::from_string(place.backend(), format!("SELECT {SUMS} FROM tallies"));
                let rows = Lease::read_alone(place, statement, Keys::default()).await?;
                rows.first().map(read).transpose().map(Option::unwrap_or_default)
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Shared(_, name) => name.clone(),
            Self::Own(tenant) => tenant.slug.clone(),
        }
    }
}

async fn sum_of(place: &Place, tenant: Uuid) -> Result<Amounts, Error> {
    let mut lease = Lease::begin(place, Access::Read, Binding::Mover(tenant)).await?;
    let statement = Statement::from_string(lease.backend(), summing(lease.backend(), tenant));
    let rows = lease.rows(statement, Keys::default()).await?;
    lease.commit().await?;
    rows.first().map(read).transpose().map(Option::unwrap_or_default)
}

fn sizes(amounts: Amounts) -> Stored {
    let number = |number: i64| u64::try_from(number).unwrap_or_default();
    let size = |table: Tallied| {
        let amount = amounts[table as usize];
        TableSize { table: table.table(), rows: number(amount.rows), bytes: number(amount.bytes) }
    };
    Tallied::ALL.map(size).into()
}
