//! Tenantry's data crate: the only one that runs SQL, beside the migrations.
//!
//! **A query that names no tenant cannot be written.** [`TenantScoped`] builds every statement on a tenant's table itself and
//! puts the tenant into each; it is reached through [`TenantAccess`], the proof of who is asking and where its rows are,
//! which only a [`Gatekeeper`] makes. Cross-tenant work is another type, [`Platform`], which takes the proof that a
//! [`PlatformAdmin`] asks and writes down what it did. No connection, no entity and no statement leaves this crate.

mod cache;
mod caretaker;
mod connection;
mod cursor;
mod database;
pub mod doctor;
mod encryption;
mod entities;
mod error;
mod filter;
mod gatekeeper;
mod guard;
#[cfg(feature = "micro")]
pub mod micro;
pub mod migrate;
mod moving;
mod operations;
mod owner;
mod place;
mod platform;
mod purge;
pub mod redis;
mod resource;
mod rows;
mod scoped;
mod session;
mod settings;
mod steps;
mod tally;
#[cfg(test)]
mod tests;
mod transfer;
mod turns;
mod usage;
mod vocabulary;

pub use cache::{CacheCounts, CacheStatus, LookObserver, Looked};
pub use connection::{BudgetStatus, Observed, Observer, PoolStatus, Scaling};
pub use cursor::Cursor;
pub use database::{Backend, Database, OpenError, open};
pub use deadpool_redis;
pub use entities::audit::Model as AuditRecord;
pub use entities::idempotency::{
    Column as IdempotencyColumn, IdempotencyChanges, Model as IdempotencyRecord, NewIdempotencyRecord,
};
pub use entities::operation::{Location, Model as Operation, Progress, TableSum};
pub use entities::post::{Column as PostColumn, Model as Post, NewPost, PostChanges};
pub use entities::tenant::{Column as TenantColumn, Model as Tenant, OwnTenantChanges};
pub use entities::user::{Column as UserColumn, Model as User, NewUser, UserChanges};
pub use error::{Error, told_outside};
pub use filter::{Filter, Operand};
pub use gatekeeper::{Gatekeeper, Located, Origin, PlatformAdmin, TenantName};
pub use platform::{
    AuditEntry, AuditQuery, MigrationQuery, NewTenant, Platform, TenantChanges, TenantMigration, TenantQuery,
    Transition,
};
pub use purge::{Certificate, Destroyed};
pub use redis::Redis;
pub use resource::{Insertable, Resource};
pub use scoped::{Direction, List, Page, Slice, Sorted, TenantScoped};
pub use session::{Scopes, TenantAccess, Transaction};
pub use settings::{DatabaseSettings, SettingError, size_in_bytes};
pub use tally::{Recounted, Stored, StoredByAll, TableSize};
pub use transfer::{Export, Import, ImportOptions, ImportedTenant};
pub use usage::{Counts, Usage, UsageHour, UsageQuery};
pub use vocabulary::{
    Contents, Domains, Isolation, Limits, OperationKind, Outcome, Role, TenantStatus, UnknownWord, WorkState,
};
