//! Reading single rows and facts about rows.

use sea_orm::TryGetable;
use uuid::Uuid;

use super::{Direction, List, Reading, TenantScoped, models, number};
use crate::cache::Question;
use crate::cursor::Cursor;
use crate::error::{Error, internal};
use crate::filter::Filter;
use crate::resource::Mapped;

#[expect(private_bounds, reason = "a public bound would be a way to the entity")]
impl<R: Mapped> TenantScoped<R> {
    /// The row with this id, if the tenant has it. Outside of a transaction, the cache may have it.
    pub async fn get(&self, id: Uuid) -> Result<Option<R>, Error> {
        let find = || async { self.stored(&Reading::all(Filter::eq(R::ID, id))).await };
        let stored = self.kept_or(|placed| Ok(Question::row(placed, id)), find).await?;
        self.opened_models(stored.into_iter().collect()).await.map(|mut rows| rows.pop())
    }

    /// The newest row that matches.
    pub async fn find(&self, filter: Filter<R>) -> Result<Option<R>, Error> {
        let newest = Reading::rows(filter, 1).by(R::ID, Direction::Descending)?;
        let stored = self.stored(&newest).await?;
        self.opened_models(stored.into_iter().collect()).await.map(|mut rows| rows.pop())
    }

    /// What the row with this id has in one column, if the tenant has the row. Nothing else of it is read, nor opened.
    pub async fn value<T: TryGetable>(&self, id: Uuid, column: R::Column) -> Result<Option<T>, Error> {
        let rows = self.fetch(&Reading::column(Filter::eq(R::ID, id), column)?).await?;
        rows.first().map(|row| row.try_get_by_index(0).map_err(internal)).transpose()
    }

    /// The row as it is stored: what the cache keeps.
    async fn stored(&self, reading: &Reading<R>) -> Result<Option<R>, Error> {
        Ok(models(&self.fetch(reading).await?)?.pop())
    }

    /// The rows that match, newest first, to be taken a slice or a page at a time.
    pub fn list(&self, filter: Filter<R>) -> List<'_, R> {
        List::new(self, filter)
    }

    /// How many rows match.
    pub async fn count(&self, filter: Filter<R>) -> Result<u64, Error> {
        count_of(&self.fetch(&Reading::count(filter)).await?)
    }

    /// Whether any row matches.
    pub async fn exists(&self, filter: Filter<R>) -> Result<bool, Error> {
        Ok(!self.fetch(&Reading::any(filter)).await?.is_empty())
    }

    /// Reads a cursor that this scope's lists gave out.
    pub fn cursor(&self, text: &str) -> Result<Cursor, Error> {
        Cursor::parse(text, R::TAG, self.session.tenant)
    }
}

pub(super) fn count_of(rows: &[sea_orm::QueryResult]) -> Result<u64, Error> {
    u64::try_from(number(rows)?).map_err(|_| Error::Internal("a negative count".to_owned()))
}
