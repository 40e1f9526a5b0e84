//! What a tenant-owned table has to say of itself, once, for [`TenantScoped`](crate::TenantScoped) to serve it.
//!
//! [`Resource`] is what the application sees: a model and its columns. [`Mapped`] and [`Owned`] tie it to its entity; they
//! are private to the crate, so that no bound written outside can reach an entity.

use chrono::{DateTime, SubsecRound, Utc};
use sea_orm::{ActiveModelTrait, ActiveValue, DbErr, EntityTrait, FromQueryResult, IdenStatic, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::tally::{Counted, Dependents};

/// A row of a tenant, as the application reads it.
pub trait Resource: Clone + Send + Sync + 'static {
    /// The columns to filter and order by.
    type Column: Copy + Send + Sync + 'static;
    /// What an update may set. Has no way to name the tenant.
    type Changes: Send;
}

/// A resource whose rows the tenant makes and destroys itself.
pub trait Insertable: Resource {
    /// A row to insert.
    type New: Send;
}

/// How a resource lies in its table. Enough to read it and to change it.
pub(crate) trait Mapped:
    Resource<Column = <Self::Entity as EntityTrait>::Column>
    + TryFrom<Self::ActiveModel, Error = DbErr>
    + FromQueryResult
    + Serialize
    + DeserializeOwned
{
    type Entity: EntityTrait<Model = Self> + Default;
    type ActiveModel: ActiveModelTrait<Entity = Self::Entity>;

    /// Tells this resource's cursors from others'.
    const TAG: u8;
    /// Whether single rows and first pages are cached.
    const CACHED: bool;
    const TENANT: Self::Column;
    const ID: Self::Column;
    const VERSION: Self::Column;
    const UPDATED_AT: Self::Column;
    const UNIQUE: &[Unique];
    const REFERENCES: &[Reference] = &[];
    /// The columns whose texts are sealed where there is a master key. Nothing can be compared with them or ordered by them,
    /// with or without one.
    const SEALED: &[Sealed<Self>] = &[];
    /// How its rows count, if they do.
    const COUNTED: Option<Counted<Self::Column>> = None;

    fn id(&self) -> Uuid;
    /// The folded twin of a column that can be searched.
    fn searched(_column: Self::Column) -> Option<Self::Column> {
        None
    }
    /// How many bytes each text that counts has, of those that a change sets.
    fn sizes(_changes: &Self::Changes) -> Vec<(Self::Column, i64)> {
        Vec::new()
    }
    /// The columns that a change sets; the rest stays unset.
    fn changed(changes: Self::Changes) -> Self::ActiveModel;
}

/// How a row of an insertable resource comes to be.
pub(crate) trait Owned: Mapped + Insertable {
    /// The key by which an upsert finds the row that is there; begins with the tenant.
    const UPSERT_KEY: &[Self::Column];
    /// What an upsert leaves as it is in the row that is there.
    const FIXED: &[Self::Column];
    /// The rows that are deleted with its own.
    const DEPENDENTS: Option<Dependents> = None;

    fn claimed_tenant(new: &Self::New) -> Option<Uuid>;
    /// The id that the caller wants the row to have.
    fn given_id(new: &Self::New) -> Option<Uuid>;
    fn new_row(new: Self::New, stamp: &Stamp) -> Self::ActiveModel;
}

/// What every row of one insert gets.
pub(crate) struct Stamp {
    pub(crate) tenant: Uuid,
    pub(crate) now: DateTime<Utc>,
}

impl Stamp {
    pub(crate) fn now(tenant: Uuid) -> Self {
        Self { tenant, now: now() }
    }

    pub(crate) fn id(&self, given: Option<Uuid>) -> Uuid {
        given.unwrap_or_else(Uuid::now_v7)
    }

    pub(crate) fn created_at(&self, given: Option<DateTime<Utc>>) -> DateTime<Utc> {
        given.map_or(self.now, |at| at.trunc_subsecs(6))
    }
}

/// A unique key: its name on PostgreSQL, the column SQLite names instead, and the field that a caller knows.
pub(crate) struct Unique {
    pub(crate) constraint: &'static str,
    pub(crate) column: &'static str,
    pub(crate) field: &'static str,
}

impl Unique {
    pub(crate) const fn new(constraint: &'static str, column: &'static str, field: &'static str) -> Self {
        Self { constraint, column, field }
    }
}

/// A foreign key: its name on PostgreSQL, and the field that a caller knows.
pub(crate) struct Reference {
    pub(crate) constraint: &'static str,
    pub(crate) field: &'static str,
}

impl Reference {
    pub(crate) const fn new(constraint: &'static str, field: &'static str) -> Self {
        Self { constraint, field }
    }
}

/// A column whose text is sealed, and where the model keeps it.
pub(crate) struct Sealed<R: Resource> {
    pub(crate) column: R::Column,
    pub(crate) text: fn(&mut R) -> Option<&mut String>,
}

impl<R: Resource> Sealed<R> {
    pub(crate) const fn new(column: R::Column, text: fn(&mut R) -> Option<&mut String>) -> Self {
        Self { column, text }
    }
}

/// Whether a column is sealed.
pub(crate) fn is_sealed<R: Mapped>(column: R::Column) -> bool {
    R::SEALED.iter().any(|sealed| sealed.column.as_str() == column.as_str())
}

/// Whether a column is one of these.
pub(crate) fn is_among<C: IdenStatic>(column: C, columns: &[C]) -> bool {
    columns.iter().any(|one| one.as_str() == column.as_str())
}

/// Now, as exactly as the databases keep it: microseconds.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// How many bytes a text has.
pub(crate) fn size(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// Text as search and uniqueness compare it.
pub(crate) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// A change as SeaORM wants it.
pub(crate) fn set<V: Into<Value>>(change: Option<V>) -> ActiveValue<V> {
    change.map_or(ActiveValue::NotSet, ActiveValue::Set)
}
