//! What it takes to have tenants in many places: operations that outlive a process, the version of each tenant's tables, and
//! whether a tenant's writes are held while it is moved.

use crate::set::Migration;

pub(crate) const MIGRATION: Migration = Migration {
    name: "m0003_places",
    // No foreign keys to `tenants`: operations outlive a purged tenant.
    ddl: "
        ALTER TABLE tenants ADD COLUMN writes_held boolean NOT NULL DEFAULT false;
        CREATE INDEX tenants_behind_idx ON tenants (schema_version);
        CREATE INDEX tenants_unready_idx ON tenants (status) WHERE status = 'provisioning';
        CREATE TABLE operations (
            id {uuid} NOT NULL PRIMARY KEY,
            tenant_id {uuid} NOT NULL,
            kind text NOT NULL,
            state text NOT NULL CHECK (state IN ('running', 'done', 'failed')),
            phase text NOT NULL,
            source {json} NOT NULL,
            target {json} NOT NULL,
            progress {json} NOT NULL,
            error text,
            actor text NOT NULL,
            created_at {time} NOT NULL,
            updated_at {time} NOT NULL,
            ended_at {time}
        );
        CREATE INDEX operations_tenant_idx ON operations (tenant_id, id);
        CREATE UNIQUE INDEX operations_running_key ON operations (tenant_id) WHERE state = 'running';
        CREATE TABLE tenant_versions (
            tenant_id {uuid} NOT NULL CONSTRAINT tenant_versions_pkey PRIMARY KEY,
            version integer NOT NULL,
            state text NOT NULL CHECK (state IN ('running', 'done', 'failed')),
            started_at {time} NOT NULL,
            ended_at {time},
            error text
        );
        CREATE INDEX tenant_versions_failed_idx ON tenant_versions (tenant_id) WHERE state <> 'done';",
    functions: &[],
    isolated: &[("operations", "tenant_id"), ("tenant_versions", "tenant_id")],
    backfilled: &[],
    needed_to_serve: true,
};
