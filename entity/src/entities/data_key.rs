//! `data_keys`: each tenant's data keys, wrapped by a master key.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One version of a tenant's data key.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "data_keys")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Counts the tenant's keys, from 1. The greatest seals.
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i32,
    /// The key, in base64, as only the master key opens it.
    pub wrapped: String,
    /// Which master key.
    pub master_key_id: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Since when no row is sealed with it any more.
    pub retired_at: Option<DateTime<Utc>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
