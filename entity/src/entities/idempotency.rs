//! `idempotency_keys`: the first answer to each `Idempotency-Key`.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::resource::{Insertable, Mapped, Owned, Resource, Sealed, Stamp, Unique, set};

/// The answer that a repeated request gets again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    /// The tenant that owns the row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Made of who asked and the key that was sent.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// A digest of the request, to tell a repetition from a reuse.
    pub fingerprint: String,
    /// The answer's `Location`.
    pub location: Option<String>,
    /// The answer's `ETag`.
    pub etag: Option<String>,
    /// The answer's body.
    pub body: Option<String>,
    /// Counts the updates of the row, from 1.
    pub version: i64,
    /// When the key was first seen.
    pub created_at: DateTime<Utc>,
    /// When the answer was stored.
    pub updated_at: DateTime<Utc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A key that is seen for the first time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewIdempotencyRecord {
    /// The tenant that the caller claims the row for; another one than the scope's is refused.
    pub tenant_id: Option<Uuid>,
    /// Made of who asked and the key that was sent.
    pub id: Uuid,
    /// A digest of the request.
    pub fingerprint: String,
    /// When the key was first seen; now when absent.
    pub created_at: Option<DateTime<Utc>>,
}

/// The answer to keep; `None` leaves what is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdempotencyChanges {
    /// The answer's `Location`.
    pub location: Option<Option<String>>,
    /// The answer's `ETag`.
    pub etag: Option<Option<String>>,
    /// The answer's body.
    pub body: Option<Option<String>>,
}

impl Resource for Model {
    type Column = Column;
    type Changes = IdempotencyChanges;
}

impl Insertable for Model {
    type New = NewIdempotencyRecord;
}

impl Mapped for Model {
    type Entity = Entity;
    type ActiveModel = ActiveModel;

    const TAG: u8 = b'i';
    // Read in transactions only.
    const CACHED: bool = false;
    const TENANT: Column = Column::TenantId;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;
    const UPDATED_AT: Column = Column::UpdatedAt;
    const UNIQUE: &[Unique] = &[Unique::new("idempotency_keys_pkey", "idempotency_keys.id", "id")];
    /// The answer to a new post holds its content.
    const SEALED: &[Sealed<Self>] = &[Sealed::new(Column::Body, |record| record.body.as_mut())];

    fn id(&self) -> Uuid {
        self.id
    }

    fn changed(changes: IdempotencyChanges) -> ActiveModel {
        ActiveModel {
            location: set(changes.location),
            etag: set(changes.etag),
            body: set(changes.body),
            ..Default::default()
        }
    }
}

impl Owned for Model {
    const UPSERT_KEY: &[Column] = &[Column::TenantId, Column::Id];
    const FIXED: &[Column] = &[Column::TenantId, Column::Id, Column::CreatedAt, Column::Version];

    fn claimed_tenant(new: &NewIdempotencyRecord) -> Option<Uuid> {
        new.tenant_id
    }

    fn given_id(new: &NewIdempotencyRecord) -> Option<Uuid> {
        Some(new.id)
    }

    fn new_row(new: NewIdempotencyRecord, stamp: &Stamp) -> ActiveModel {
        let created_at = stamp.created_at(new.created_at);
        ActiveModel {
            tenant_id: Set(stamp.tenant),
            id: Set(new.id),
            fingerprint: Set(new.fingerprint),
            location: Set(None),
            etag: Set(None),
            body: Set(None),
            version: Set(1),
            created_at: Set(created_at),
            updated_at: Set(created_at),
        }
    }
}
