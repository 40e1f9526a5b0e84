//! What a write of a tenant does beside its own statement, as functions: planned once a session, and called in that statement.

use crate::set::Migration;

pub(crate) const MIGRATION: Migration = Migration {
    name: "m0005_entering",
    ddl: "",
    functions: &[ENTER, ADD],
    isolated: &[],
    backfilled: &[],
    needed_to_serve: true,
};

/// Binds the tenant until the transaction ends, and holds the lock that whoever moves the tenant waits for. It looks at what there was
/// before it waited, which the next migration corrects.
const ENTER: &str = "
    CREATE OR REPLACE FUNCTION {schema}.enter_place(tenant uuid, fence bigint) RETURNS uuid LANGUAGE plpgsql AS $$
    DECLARE
        bound CONSTANT text := set_config('app.current_tenant_id', tenant::text, true);
    BEGIN
        IF pg_advisory_xact_lock_shared(fence) IS NULL
            OR EXISTS (SELECT FROM {schema}.departures WHERE tenant_id = tenant) THEN
            RAISE EXCEPTION 'the tenant has left this place' USING ERRCODE = 'TN001';
        END IF;
        RETURN tenant;
    END $$";

/// Adds rows and bytes to one slot of the tenant's tally.
const ADD: &str = "
    CREATE OR REPLACE FUNCTION {schema}.add_to_tally(
        tenant uuid, slot bigint, users_rows bigint, users_bytes bigint, posts_rows bigint, posts_bytes bigint
    ) RETURNS uuid LANGUAGE plpgsql AS $$
    #variable_conflict use_column
    BEGIN
        INSERT INTO {schema}.tallies AS tally (tenant_id, slot, users_rows, users_bytes, posts_rows, posts_bytes)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (tenant_id, slot) DO UPDATE SET
            users_rows = tally.users_rows + excluded.users_rows,
            users_bytes = tally.users_bytes + excluded.users_bytes,
            posts_rows = tally.posts_rows + excluded.posts_rows,
            posts_bytes = tally.posts_bytes + excluded.posts_bytes;
        RETURN tenant;
    END $$";
