//! The tables that tenants own rows in. Every key of every one begins with `tenant_id`.

mod m0001_users_and_posts;
mod m0002_idempotency_keys;
mod m0003_departures;
mod m0004_tallies;
mod m0005_entering;
mod m0006_fence;
mod m0007_counting;

use crate::set::Set;

/// Every table of this set that holds tenants' rows, referenced ones first: what the serving role is granted, what the
/// checks look at, and what is carried when a tenant moves.
pub const TENANT_TABLES: &[&str] = &["users", "posts", "idempotency_keys"];

/// The table in which a place notes that a tenant has left it, or is about to: no write reaches it there any more.
pub const DEPARTURES: &str = "departures";

/// The table that says how much each tenant has: kept by every write, and made anew where rows are carried.
pub const TALLIES: &str = "tallies";

/// The function that begins a tenant's write on PostgreSQL: takes the tenant and the number of its fence, binds the tenant and returns
/// it. Fails with [`LEFT`] where the tenant has left.
pub const ENTER: &str = "enter_place";

/// The SQLSTATE of a write in a place that the tenant has left.
pub const LEFT: &str = "TN001";

/// The function that adds to a tally on PostgreSQL: takes the tenant, which it returns, the slot, and the four amounts.
pub const ADD: &str = "add_to_tally";

/// The tenant tables of one place.
pub static TENANT: Set = Set {
    name: "tenant",
    ledger: "tenant_migrations",
    migrations: &[
        m0001_users_and_posts::MIGRATION,
        m0002_idempotency_keys::MIGRATION,
        m0003_departures::MIGRATION,
        m0004_tallies::MIGRATION,
        m0005_entering::MIGRATION,
        m0006_fence::MIGRATION,
        m0007_counting::MIGRATION,
    ],
};
