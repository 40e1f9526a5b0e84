//! What each tenant used in each hour.

use crate::set::Migration;

pub(crate) const MIGRATION: Migration = Migration {
    name: "m0005_usage",
    ddl: "
        CREATE TABLE usage_hours (
            tenant_id {uuid} NOT NULL CONSTRAINT usage_hours_tenant_id_fkey REFERENCES tenants (id) ON DELETE CASCADE,
            hour {time} NOT NULL,
            requests {bigint} NOT NULL,
            errors {bigint} NOT NULL,
            refused {bigint} NOT NULL,
            bytes_in {bigint} NOT NULL,
            bytes_out {bigint} NOT NULL,
            database_micros {bigint} NOT NULL,
            cache_hits {bigint} NOT NULL,
            CONSTRAINT usage_hours_pkey PRIMARY KEY (tenant_id, hour)
        );
        CREATE INDEX usage_hours_hour_idx ON usage_hours (hour);",
    functions: &[],
    isolated: &[("usage_hours", "tenant_id")],
    backfilled: &[],
    needed_to_serve: true,
};
