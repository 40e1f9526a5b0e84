//! `tenants`: the catalog's row of each customer. Its tenant column is its own id.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::resource::{Mapped, Resource, Unique, fold, set};
use crate::vocabulary::{Domains, Isolation, Limits, TenantStatus};

/// A customer of the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
#[sea_orm(table_name = "tenants")]
pub struct Model {
    /// UUIDv7: newer tenants have greater ids.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Short name, unique in the installation.
    pub slug: String,
    /// Shown name.
    pub name: String,
    /// `name` as search compares it.
    pub name_folded: String,
    /// Where it stands in its life.
    pub status: TenantStatus,
    /// Where its rows live.
    pub isolation: Isolation,
    /// Whether it is suspended, also while it is deleted: restoring does not lift that.
    pub suspended: bool,
    /// The further server its rows live on, if not the first.
    pub datastore: Option<String>,
    /// Custom domains that name it.
    pub domains: Domains,
    /// What it may use.
    pub limits: Limits,
    /// How many of the tenant tables' migrations its tables have had.
    pub schema_version: i32,
    /// Counts the updates of the row, from 1.
    pub version: i64,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    pub updated_at: DateTime<Utc>,
    /// Whether its writes are held, for the moment in which it moves from one place to another.
    pub writes_held: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What a tenant may change of its own row. Everything else is the platform's to decide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnTenantChanges {
    /// Shown name.
    pub name: Option<String>,
}

impl Resource for Model {
    type Column = Column;
    type Changes = OwnTenantChanges;
}

impl Mapped for Model {
    type Entity = Entity;
    type ActiveModel = ActiveModel;

    const TAG: u8 = b't';
    // The platform changes these rows by other ways than a scope's.
    const CACHED: bool = false;
    const TENANT: Column = Column::Id;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;
    const UPDATED_AT: Column = Column::UpdatedAt;
    const UNIQUE: &[Unique] =
        &[Unique::new("tenants_slug_key", "tenants.slug", "slug"), Unique::new("tenants_pkey", "tenants.id", "id")];

    fn id(&self) -> Uuid {
        self.id
    }

    fn searched(column: Column) -> Option<Column> {
        match column {
            Column::Name => Some(Column::NameFolded),
            Column::Slug => Some(Column::Slug),
            _ => None,
        }
    }

    fn changed(changes: OwnTenantChanges) -> ActiveModel {
        ActiveModel {
            name_folded: set(changes.name.as_deref().map(fold)),
            name: set(changes.name),
            ..Default::default()
        }
    }
}
