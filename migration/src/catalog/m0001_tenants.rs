//! Tenants, and every slug and custom domain that names or has named one.

use crate::set::Migration;

pub(crate) const MIGRATION: Migration = Migration {
    name: "m0001_tenants",
    ddl: "
        CREATE TABLE tenants (
            id {uuid} NOT NULL PRIMARY KEY,
            slug text NOT NULL CONSTRAINT tenants_slug_key UNIQUE,
            name text NOT NULL,
            name_folded text NOT NULL,
            status text NOT NULL CHECK (status IN ('provisioning', 'active', 'suspended', 'deleted')),
            isolation text NOT NULL CHECK (isolation IN ('shared', 'schema', 'database')),
            suspended boolean NOT NULL,
            datastore text,
            domains {json} NOT NULL,
            limits {json} NOT NULL,
            schema_version integer NOT NULL,
            version {bigint} NOT NULL,
            created_at {time} NOT NULL,
            updated_at {time} NOT NULL
        );
        CREATE TABLE tenant_slugs (
            slug text NOT NULL CONSTRAINT tenant_slugs_pkey PRIMARY KEY,
            tenant_id {uuid} NOT NULL
        );
        CREATE TABLE tenant_domains (
            domain text NOT NULL CONSTRAINT tenant_domains_pkey PRIMARY KEY,
            tenant_id {uuid} NOT NULL REFERENCES tenants (id) ON DELETE CASCADE
        );
        CREATE INDEX tenant_domains_tenant_idx ON tenant_domains (tenant_id);",
    functions: &[],
    isolated: &[("tenants", "id"), ("tenant_slugs", "tenant_id"), ("tenant_domains", "tenant_id")],
    backfilled: &[],
    needed_to_serve: true,
};
