//! The keys that tenants' contents are sealed with, each wrapped by the master key.

use crate::set::Migration;

pub(crate) const MIGRATION: Migration = Migration {
    name: "m0004_data_keys",
    ddl: "
        CREATE TABLE data_keys (
            tenant_id {uuid} NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
            version integer NOT NULL CHECK (version > 0),
            wrapped text NOT NULL,
            master_key_id text NOT NULL,
            created_at {time} NOT NULL,
            retired_at {time},
            CONSTRAINT data_keys_pkey PRIMARY KEY (tenant_id, version)
        );",
    functions: &[],
    isolated: &[("data_keys", "tenant_id")],
    backfilled: &[],
    needed_to_serve: true,
};
