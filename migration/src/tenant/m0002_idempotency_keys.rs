//! The first answer to each `Idempotency-Key`, kept for a day so that a repeated request gets it again.

use crate::set::Migration;

pub(crate) const MIGRATION: Migration = Migration {
    name: "m0002_idempotency_keys",
    ddl: "
        CREATE TABLE idempotency_keys (
            tenant_id {uuid} NOT NULL,
            id {uuid} NOT NULL,
            fingerprint text NOT NULL,
            location text,
            etag text,
            body text,
            version {bigint} NOT NULL,
            created_at {time} NOT NULL,
            updated_at {time} NOT NULL,
            CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, id)
        );
        CREATE INDEX idempotency_keys_age_idx ON idempotency_keys (tenant_id, created_at);",
    functions: &[],
    isolated: &[("idempotency_keys", "tenant_id")],
    backfilled: &[],
    needed_to_serve: true,
};
