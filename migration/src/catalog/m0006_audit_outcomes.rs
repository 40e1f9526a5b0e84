//! From where something was asked for, and how it ended. What was written down before says neither: it had succeeded.

use crate::set::Migration;

pub(crate) const MIGRATION: Migration = Migration {
    name: "m0006_audit_outcomes",
    ddl: "
        ALTER TABLE audit_log ADD COLUMN origin text;
        ALTER TABLE audit_log ADD COLUMN request_id text;
        ALTER TABLE audit_log ADD COLUMN outcome text NOT NULL DEFAULT 'done'
            CHECK (outcome IN ('done', 'refused', 'failed'));",
    functions: &[],
    isolated: &[],
    backfilled: &[],
    needed_to_serve: true,
};
