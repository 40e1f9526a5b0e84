//! `posts`: what users wrote.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::resource::{Insertable, Mapped, Owned, Reference, Resource, Sealed, Stamp, Unique, fold, set, size};
use crate::tally::{Counted, Tallied};

/// A post of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
#[sea_orm(table_name = "posts")]
pub struct Model {
    /// The tenant that owns the row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// UUIDv7: newer rows have greater ids.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The user of the same tenant who wrote it.
    pub user_id: Uuid,
    /// Its headline.
    pub title: String,
    /// `title` as search compares it.
    pub title_folded: String,
    /// Its text, if any.
    pub content: Option<String>,
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

/// A post to insert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewPost {
    /// The tenant that the caller claims the row for; another one than the scope's is refused.
    pub tenant_id: Option<Uuid>,
    /// Its id; made now when absent.
    pub id: Option<Uuid>,
    /// Who wrote it: a user of the same tenant.
    pub user_id: Uuid,
    /// Its headline.
    pub title: String,
    /// Its text, if any.
    pub content: Option<String>,
    /// When it was made; now when absent.
    pub created_at: Option<DateTime<Utc>>,
}

/// What to change of a post; `None` leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostChanges {
    /// Who wrote it: a user of the same tenant.
    pub user_id: Option<Uuid>,
    /// Its headline.
    pub title: Option<String>,
    /// Its text; `Some(None)` takes it away.
    pub content: Option<Option<String>>,
}

impl Resource for Model {
    type Column = Column;
    type Changes = PostChanges;
}

impl Insertable for Model {
    type New = NewPost;
}

impl Mapped for Model {
    type Entity = Entity;
    type ActiveModel = ActiveModel;

    const TAG: u8 = b'p';
    const CACHED: bool = true;
    const TENANT: Column = Column::TenantId;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;
    const UPDATED_AT: Column = Column::UpdatedAt;
    const UNIQUE: &[Unique] = &[Unique::new("posts_pkey", "posts.id", "id")];
    const REFERENCES: &[Reference] = &[Reference::new("posts_user_id_fkey", "user_id")];
    const SEALED: &[Sealed<Self>] = &[Sealed::new(Column::Content, |post| post.content.as_mut())];
    const COUNTED: Option<Counted<Column>> = Some(Counted {
        table: Tallied::Posts,
        bytes: Column::Bytes,
        plain: &[Column::Title],
        content: Some(Column::Content),
    });

    fn id(&self) -> Uuid {
        self.id
    }

    fn searched(column: Column) -> Option<Column> {
        matches!(column, Column::Title).then_some(Column::TitleFolded)
    }

    fn sizes(changes: &PostChanges) -> Vec<(Column, i64)> {
        let title = changes.title.as_deref().map(|title| (Column::Title, size(title)));
        let content = changes.content.as_ref().map(|content| (Column::Content, content.as_deref().map_or(0, size)));
        title.into_iter().chain(content).collect()
    }

    fn changed(changes: PostChanges) -> ActiveModel {
        ActiveModel {
            user_id: set(changes.user_id),
            title_folded: set(changes.title.as_deref().map(fold)),
            title: set(changes.title),
            content: set(changes.content),
            ..Default::default()
        }
    }
}

impl Owned for Model {
    const UPSERT_KEY: &[Column] = &[Column::TenantId, Column::Id];
    const FIXED: &[Column] = &[Column::TenantId, Column::Id, Column::CreatedAt, Column::Version];

    fn claimed_tenant(new: &NewPost) -> Option<Uuid> {
        new.tenant_id
    }

    fn given_id(new: &NewPost) -> Option<Uuid> {
        new.id
    }

    fn new_row(new: NewPost, stamp: &Stamp) -> ActiveModel {
        let created_at = stamp.created_at(new.created_at);
        ActiveModel {
            tenant_id: Set(stamp.tenant),
            id: Set(stamp.id(new.id)),
            user_id: Set(new.user_id),
            bytes: Set(size(&new.title) + new.content.as_deref().map_or(0, size)),
            title_folded: Set(fold(&new.title)),
            title: Set(new.title),
            content: Set(new.content),
            version: Set(1),
            created_at: Set(created_at),
            updated_at: Set(created_at),
        }
    }
}
