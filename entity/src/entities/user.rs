//! `users`: the members of a tenant.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::resource::{Insertable, Mapped, Owned, Resource, Stamp, Unique, fold, set, size};
use crate::tally::{Counted, Dependents, Tallied};
use crate::vocabulary::Role;

/// A member of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// The tenant that owns the row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// UUIDv7: newer rows have greater ids.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Shown name.
    pub name: String,
    /// `name` as search compares it.
    pub name_folded: String,
    /// Address, as given.
    pub email: String,
    /// `email` as uniqueness and search compare it.
    pub email_folded: String,
    /// What the member may do.
    pub role: Role,
    /// Counts the updates of the row, from 1.
    pub version: i64,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    pub updated_at: DateTime<Utc>,
    /// How many bytes its texts had as they were sent.
    pub bytes: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A user to insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// The tenant that the caller claims the row for; another one than the scope's is refused.
    pub tenant_id: Option<Uuid>,
    /// Its id; made now when absent.
    pub id: Option<Uuid>,
    /// Shown name.
    pub name: String,
    /// Address, unique in the tenant without regard to case.
    pub email: String,
    /// What the member may do.
    pub role: Role,
    /// When it was made; now when absent.
    pub created_at: Option<DateTime<Utc>>,
}

/// What to change of a user; `None` leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChanges {
    /// Shown name.
    pub name: Option<String>,
    /// Address.
    pub email: Option<String>,
    /// What the member may do.
    pub role: Option<Role>,
}

impl Resource for Model {
    type Column = Column;
    type Changes = UserChanges;
}

impl Insertable for Model {
    type New = NewUser;
}

impl Mapped for Model {
    type Entity = Entity;
    type ActiveModel = ActiveModel;

    const TAG: u8 = b'u';
    const CACHED: bool = true;
    const TENANT: Column = Column::TenantId;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;
    const UPDATED_AT: Column = Column::UpdatedAt;
    const UNIQUE: &[Unique] =
        &[Unique::new("users_email_key", "users.email_folded", "email"), Unique::new("users_pkey", "users.id", "id")];
    const COUNTED: Option<Counted<Column>> = Some(Counted {
        table: Tallied::Users,
        bytes: Column::Bytes,
        plain: &[Column::Name, Column::Email],
        content: None,
    });

    fn id(&self) -> Uuid {
        self.id
    }

    fn searched(column: Column) -> Option<Column> {
        match column {
            Column::Name => Some(Column::NameFolded),
            Column::Email => Some(Column::EmailFolded),
            _ => None,
        }
    }

    fn sizes(changes: &UserChanges) -> Vec<(Column, i64)> {
        let name = changes.name.as_deref().map(|name| (Column::Name, size(name)));
        let email = changes.email.as_deref().map(|email| (Column::Email, size(email)));
        name.into_iter().chain(email).collect()
    }

    fn changed(changes: UserChanges) -> ActiveModel {
        ActiveModel {
            name_folded: set(changes.name.as_deref().map(fold)),
            name: set(changes.name),
            email_folded: set(changes.email.as_deref().map(fold)),
            email: set(changes.email),
            role: set(changes.role),
            ..Default::default()
        }
    }
}

impl Owned for Model {
    const UPSERT_KEY: &[Column] = &[Column::TenantId, Column::EmailFolded];
    const FIXED: &[Column] = &[Column::TenantId, Column::Id, Column::CreatedAt, Column::Version, Column::EmailFolded];
    const DEPENDENTS: Option<Dependents> = Some(Dependents { table: Tallied::Posts, column: "user_id" });

    fn claimed_tenant(new: &NewUser) -> Option<Uuid> {
        new.tenant_id
    }

    fn given_id(new: &NewUser) -> Option<Uuid> {
        new.id
    }

    fn new_row(new: NewUser, stamp: &Stamp) -> ActiveModel {
        let created_at = stamp.created_at(new.created_at);
        ActiveModel {
            tenant_id: Set(stamp.tenant),
            id: Set(stamp.id(new.id)),
            bytes: Set(size(&new.name) + size(&new.email)),
            name_folded: Set(fold(&new.name)),
            name: Set(new.name),
            email_folded: Set(fold(&new.email)),
            email: Set(new.email),
            role: Set(new.role),
            version: Set(1),
            created_at: Set(created_at),
            updated_at: Set(created_at),
        }
    }
}
