//! What a transaction has added so far, and how it is put down.

use std::ops::AddAssign;

use sea_orm::{DbBackend, QueryResult};
use uuid::Uuid;

use super::counted::Added;
use crate::error::{Error, internal};
use crate::vocabulary::Limits;

/// Slots to which transactions add that no limit concerns, as their last statement; and statements that change one row, have its lock
/// by then, and wait for no other. The one before them is for those that a limit does concern, and the one before that for
/// corrections. As many after them are for inserts that stand alone: such a one adds first and takes locks on rows later, and must not
/// keep a slot from a transaction that holds those locks.
///
/// Whoever makes a slot of either kind looks at the fence in the same transaction, and whoever puts the fence up
/// [closes](crate::rows::Rows::close_slots) them: a statement that finds its slot need not look again.
pub(super) const SLOTS: i64 = 8;

pub(super) const LIMITED: i64 = 0;

/// Added to by recounts only.
pub(super) const CORRECTIONS: i64 = -1;

/// Rows and bytes, of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) rows: i64,
    pub(super) bytes: i64,
}

impl AddAssign for Amount {
    fn add_assign(&mut self, more: Self) {
        self.rows += more.rows;
        self.bytes += more.bytes;
    }
}

/// Rows and bytes of each table that counts.
pub(super) type Amounts = [Amount; 2];

/// What a transaction of a tenant's has added.
#[derive(Debug)]
pub(crate) struct Pending {
    tenant: Uuid,
    limits: Limits,
    added: Amounts,
}

impl Pending {
    /// Nothing yet, of a tenant with these limits.
    pub(crate) fn new(tenant: Uuid, limits: Limits) -> Self {
        Self { tenant, limits, added: Amounts::default() }
    }

    pub(crate) fn tenant(&self) -> Uuid {
        self.tenant
    }

    pub(crate) fn add(&mut self, added: Added) {
        self.added[added.table as usize] += Amount { rows: added.rows, bytes: added.bytes };
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.added == Amounts::default()
    }

    /// Whether there is a limit that this comes nearer to.
    pub(crate) fn is_limited(&self) -> bool {
        self.limited().any(|(_, limit, added)| added > 0 && limit.is_some())
    }

    /// Adds to the tally; by a function, where `has_functions`.
    pub(crate) fn sql(&self, backend: DbBackend, has_functions: bool) -> String {
        let slot = if self.is_limited() { LIMITED } else { any_slot() };
        if has_functions {
            let [users, posts] = self.added;
            let amounts = format!("{}, {}, {}, {}", users.rows, users.bytes, posts.rows, posts.bytes);
            return format!("SELECT {}('{}', {slot}, {amounts})", migration::ADD, self.tenant);
        }
        adding(backend, self.tenant, slot, &self.added)
    }

    /// Adds to the tally, and reads it: no other write that comes nearer to a limit is between here and the `COMMIT`.
    pub(crate) fn sql_and_sum(&self, backend: DbBackend, has_functions: bool) -> String {
        format!("{}; {}", self.sql(backend, has_functions), summing(backend, self.tenant))
    }

    /// Fails if a limit is exceeded that this came nearer to.
    pub(crate) fn check(&self, sum: &[QueryResult]) -> Result<(), Error> {
        let sum = sum.last().map(read).transpose()?.unwrap_or_default();
        let has = [sum[0].rows, sum[1].rows, sum[0].bytes + sum[1].bytes];
        for ((what, limit, added), has) in self.limited().zip(has) {
            let is_over = limit.is_some_and(|limit| i128::from(has) > i128::from(limit));
            if added > 0 && is_over {
                return Err(Error::QuotaExceeded { what });
            }
        }
        Ok(())
    }

    /// Each limit with what this adds to it.
    fn limited(&self) -> impl Iterator<Item = (&'static str, Option<u64>, i64)> {
        let [users, posts] = self.added;
        [
            ("users", self.limits.users, users.rows),
            ("posts", self.limits.posts, posts.rows),
            ("storage_bytes", self.limits.storage_bytes, users.bytes + posts.bytes),
        ]
        .into_iter()
    }
}

/// Whichever of those for a transaction's last statement: the last digits of a new id are random.
pub(crate) fn any_slot() -> i64 {
    let (_, random) = Uuid::now_v7().as_u64_pair();
    1 + i64::from_ne_bytes(random.to_ne_bytes()).rem_euclid(SLOTS)
}

/// Whichever of those for an insert that stands alone.
pub(crate) fn any_slot_of_inserts() -> i64 {
    any_slot() + SLOTS
}

/// The tenant's id as a literal.
pub(super) fn literal(backend: DbBackend, tenant: Uuid) -> String {
    if backend == DbBackend::Postgres { format!("'{tenant}'") } else { format!("x'{}'", tenant.simple()) }
}

/// Adds amounts to a slot. The statement carries only numbers and an id.
pub(super) fn adding(backend: DbBackend, tenant: Uuid, slot: i64, [users, posts]: &Amounts) -> String {
    format!(
        "INSERT INTO tallies (tenant_id, slot, users_rows, users_bytes, posts_rows, posts_bytes)
         VALUES ({}, {slot}, {}, {}, {}, {})
         ON CONFLICT (tenant_id, slot) DO UPDATE SET
             users_rows = tallies.users_rows + excluded.users_rows,
             users_bytes = tallies.users_bytes + excluded.users_bytes,
             posts_rows = tallies.posts_rows + excluded.posts_rows,
             posts_bytes = tallies.posts_bytes + excluded.posts_bytes",
        literal(backend, tenant),
        users.rows,
        users.bytes,
        posts.rows,
        posts.bytes
    )
}

/// Reads a tenant's tally.
pub(super) fn summing(backend: DbBackend, tenant: Uuid) -> String {
    format!("SELECT {SUMS} FROM tallies WHERE tenant_id = {}", literal(backend, tenant))
}

/// The sums of all slots. A sum of `bigint` is of another type on PostgreSQL.
pub(super) const SUMS: &str = "CAST(coalesce(sum(users_rows), 0) AS bigint), CAST(coalesce(sum(users_bytes), 0) AS bigint), \
    CAST(coalesce(sum(posts_rows), 0) AS bigint), CAST(coalesce(sum(posts_bytes), 0) AS bigint)";

/// Reads four sums.
pub(super) fn read(row: &QueryResult) -> Result<Amounts, Error> {
    read_from(row, 0)
}

/// Reads four sums from this column on.
pub(super) fn read_from(row: &QueryResult, first: usize) -> Result<Amounts, Error> {
    let number = |at: usize| row.try_get_by_index::<i64>(first + at).map_err(internal);
    Ok([Amount { rows: number(0)?, bytes: number(1)? }, Amount { rows: number(2)?, bytes: number(3)? }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(limits: Limits, added: Amounts) -> Pending {
        Pending { added, ..Pending::new(Uuid::now_v7(), limits) }
    }

    #[test]
    fn only_what_grows_comes_nearer_to_a_limit() {
        let limits = Limits { users: Some(1), storage_bytes: Some(10), ..Limits::default() };
        let [none, one, less] = [(0, 0), (1, 0), (-1, -5)].map(|(rows, bytes)| Amount { rows, bytes });
        assert!(pending(limits.clone(), [one, none]).is_limited());
        assert!(!pending(limits.clone(), [none, one]).is_limited(), "posts have no limit");
        assert!(!pending(limits.clone(), [less, none]).is_limited());
        assert!(pending(limits.clone(), [none, Amount { rows: 0, bytes: 1 }]).is_limited());
        assert!(!pending(Limits::default(), [one, one]).is_limited());
        assert!(pending(limits, [none, none]).is_empty());
    }

    #[test]
    fn what_no_limit_concerns_keeps_out_of_the_first_slot() {
        for _ in 0..100 {
            assert!((1..=8).contains(&any_slot()));
            assert!((9..=16).contains(&any_slot_of_inserts()), "nor into one of a transaction's");
        }
    }
}
