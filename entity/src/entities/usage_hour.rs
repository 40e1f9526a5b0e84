//! `usage_hours`: what each tenant used in each hour.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_hours")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its beginning.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hour: DateTime<Utc>,
    pub requests: i64,
    pub errors: i64,
    pub refused: i64,
    pub bytes_in: i64,
    pub bytes_out: i64,
    pub database_micros: i64,
    pub cache_hits: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
