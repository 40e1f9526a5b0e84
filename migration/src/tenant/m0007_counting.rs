//! A statement that stands alone enters the place by a slot of the tally, if it writes to one anyway.
//!
//! Slots are made by writes that have looked at the fence, and removed by whoever puts the fence up. So where there is one, the tenant
//! has not left: a row that is to be updated is looked at in its newest version, and who removes it waits for those who have written to it.

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
    functions: &[ENTER_AND_ADD],
    isolated: &[],
    backfilled: &["tallies"],
    needed_to_serve: true,
};

const ENTER_AND_ADD: &str = "
    CREATE OR REPLACE FUNCTION {schema}.enter_and_add(
        tenant uuid, fence bigint, slot bigint, users_rows bigint, users_bytes bigint, posts_rows bigint, posts_bytes bigint
    ) RETURNS uuid LANGUAGE plpgsql AS $$
    #variable_conflict use_column
    DECLARE
        bound CONSTANT text := set_config('app.current_tenant_id', tenant::text, true);
    BEGIN
        UPDATE {schema}.tallies AS tally SET
            users_rows = tally.users_rows + $4,
            users_bytes = tally.users_bytes + $5,
            posts_rows = tally.posts_rows + $6,
            posts_bytes = tally.posts_bytes + $7
        WHERE tenant_id = $1 AND slot = $3;
        IF FOUND THEN
            RETURN tenant;
        END IF;
        RETURN {schema}.add_to_tally({schema}.enter_place(tenant, fence), $3, $4, $5, $6, $7);
    END $$";
