//! Who has left a place. A write that was admitted before its tenant moved looks here, inside its transaction, and finds out.

use crate::set::Migration;

pub(crate) const MIGRATION: Migration = Migration {
    name: "m0003_departures",
    ddl: "
        CREATE TABLE departures (
            tenant_id {uuid} NOT NULL,
            CONSTRAINT departures_pkey PRIMARY KEY (tenant_id)
        );",
    functions: &[],
    isolated: &[("departures", "tenant_id")],
    backfilled: &[],
    needed_to_serve: true,
};
