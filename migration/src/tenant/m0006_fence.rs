//! The fence is looked at in a statement of its own, after its lock was waited for.
//!
//! In one expression, both were one statement: it saw what there was before it waited, and so a write that waited for the lock did not
//! find the departure that had been noted meanwhile.

use crate::set::Migration;

pub(crate) const MIGRATION: Migration = Migration {
    name: "m0006_fence",
    ddl: "",
    functions: &[ENTER],
    isolated: &[],
    backfilled: &[],
    needed_to_serve: true,
};

/// Binds the tenant until the transaction ends, and holds the lock that whoever moves the tenant waits for. Each statement of it
/// sees what is there when it begins: whoever gets the lock after the mover had it finds the departure.
const ENTER: &str = "
    CREATE OR REPLACE FUNCTION {schema}.enter_place(tenant uuid, fence bigint) RETURNS uuid LANGUAGE plpgsql AS $$
    DECLARE
        bound CONSTANT text := set_config('app.current_tenant_id', tenant::text, true);
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(fence);
        IF EXISTS (SELECT FROM {schema}.departures WHERE tenant_id = tenant) THEN
            RAISE EXCEPTION 'the tenant has left this place' USING ERRCODE = 'TN001';
        END IF;
        RETURN tenant;
    END $$";
