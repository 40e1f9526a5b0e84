//! A statement that stands alone enters the place by a slot of the tally, if it writes to one anyway.
//!
//! Whoever makes a slot looks at the fence before that lasts, and whoever puts the fence up removes all slots. So where there was one, the
//! tenant has not left: a row that is updated is looked at in its newest version, and who removes it waits for those who have written to it.

use crate::set::Migration;

pub(crate) const MIGRATION: Migration = Migration {
    name: "m0007_counting",
    // Those that there are may be left from before a fence that is up.
    ddl: "
        INSERT INTO tallies (tenant_id, slot, users_rows, users_bytes, posts_rows, posts_bytes)
        SELECT tenant_id, 0, sum(users_rows), sum(users_bytes), sum(posts_rows), sum(posts_bytes)
        FROM tallies WHERE slot > 0 GROUP BY tenant_id
        ON CONFLICT (tenant_id, slot) DO UPDATE SET
            users_rows = tallies.users_rows + excluded.users_rows,
            users_bytes = tallies.users_bytes + excluded.users_bytes,
            posts_rows = tallies.posts_rows + excluded.posts_rows,
            posts_bytes = tallies.posts_bytes + excluded.posts_bytes;
        DELETE FROM tallies WHERE slot > 0;",
    functions: &[],
    isolated: &[],
    backfilled: &["tallies"],
    needed_to_serve: true,
};
