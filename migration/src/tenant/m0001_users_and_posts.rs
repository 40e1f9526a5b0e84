//! Users and their posts.
//!
//! `*_folded` columns hold the lower-cased text that search and uniqueness compare, folded by the application so that
//! both databases agree on every alphabet, whatever their locale. `version` counts the updates of a row: its `ETag`.

use crate::set::Migration;

pub(crate) const MIGRATION: Migration = Migration {
    name: "m0001_users_and_posts",
    ddl: "
        CREATE TABLE users (
            tenant_id {uuid} NOT NULL,
            id {uuid} NOT NULL,
            name text NOT NULL,
            name_folded text NOT NULL,
            email text NOT NULL,
            email_folded text NOT NULL,
            role text NOT NULL CHECK (role IN ('viewer', 'member', 'admin')),
            version {bigint} NOT NULL,
            created_at {time} NOT NULL,
            updated_at {time} NOT NULL,
            CONSTRAINT users_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT users_email_key UNIQUE (tenant_id, email_folded)
        );
        CREATE TABLE posts (
            tenant_id {uuid} NOT NULL,
            id {uuid} NOT NULL,
            user_id {uuid} NOT NULL,
            title text NOT NULL,
            title_folded text NOT NULL,
            content text,
            version {bigint} NOT NULL,
            created_at {time} NOT NULL,
            updated_at {time} NOT NULL,
            CONSTRAINT posts_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT posts_user_id_fkey FOREIGN KEY (tenant_id, user_id)
                REFERENCES users (tenant_id, id) ON DELETE CASCADE
        );
        CREATE INDEX posts_user_idx ON posts (tenant_id, user_id, id);",
    functions: &[],
    isolated: &[("users", "tenant_id"), ("posts", "tenant_id")],
    backfilled: &[],
    needed_to_serve: true,
};
