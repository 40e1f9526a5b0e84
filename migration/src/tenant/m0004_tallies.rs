//! How many rows each tenant has, and how many bytes it stored in them.
//!
//! `bytes` of a row is what its texts measured as they were sent; `bytes_change` is what its last write added to that. A
//! tenant's tally is the sum of its rows in `tallies`: each write adds to one of them, so that writes of one tenant need not
//! wait for each other.

use crate::set::Migration;

pub(crate) const MIGRATION: Migration = Migration {
    name: "m0004_tallies",
    ddl: "
        ALTER TABLE users ADD COLUMN bytes {bigint} NOT NULL DEFAULT 0;
        ALTER TABLE users ADD COLUMN bytes_change {bigint} NOT NULL DEFAULT 0;
        ALTER TABLE posts ADD COLUMN bytes {bigint} NOT NULL DEFAULT 0;
        ALTER TABLE posts ADD COLUMN bytes_change {bigint} NOT NULL DEFAULT 0;
        UPDATE users SET bytes = octet_length(name) + octet_length(email);
        UPDATE posts SET bytes = octet_length(title) + coalesce(octet_length(content), 0);
        CREATE TABLE tallies (
            tenant_id {uuid} NOT NULL,
            slot {bigint} NOT NULL,
            users_rows {bigint} NOT NULL,
            users_bytes {bigint} NOT NULL,
            posts_rows {bigint} NOT NULL,
            posts_bytes {bigint} NOT NULL,
            CONSTRAINT tallies_pkey PRIMARY KEY (tenant_id, slot)
        );
        INSERT INTO tallies (tenant_id, slot, users_rows, users_bytes, posts_rows, posts_bytes)
        SELECT tenant_id, 0, sum(users_rows), sum(users_bytes), sum(posts_rows), sum(posts_bytes)
        FROM (
            SELECT tenant_id, 1 AS users_rows, bytes AS users_bytes, 0 AS posts_rows, 0 AS posts_bytes FROM users
            UNION ALL
            SELECT tenant_id, 0, 0, 1, bytes FROM posts
        ) AS counted
        GROUP BY tenant_id;",
    functions: &[],
    isolated: &[("tallies", "tenant_id")],
    backfilled: &["users", "posts"],
    needed_to_serve: true,
};
