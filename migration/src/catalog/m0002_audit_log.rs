//! Who of the platform did what to which tenant.

use crate::set::Migration;

pub(crate) const MIGRATION: Migration = Migration {
    name: "m0002_audit_log",
    // No foreign key to `tenants`: what was done to a tenant outlives it.
    ddl: "
        CREATE TABLE audit_log (
            id {uuid} NOT NULL PRIMARY KEY,
            at {time} NOT NULL,
            actor text NOT NULL,
            action text NOT NULL,
            tenant_id {uuid},
            detail {json} NOT NULL
        );
        CREATE INDEX audit_log_tenant_idx ON audit_log (tenant_id, id);",
    functions: &[],
    isolated: &[("audit_log", "tenant_id")],
    backfilled: &[],
    needed_to_serve: true,
};
