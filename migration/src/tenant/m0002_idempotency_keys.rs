//! The first answer to each `Idempotency-Key`, kept for a day so that a repeated request gets it again.

use sea_orm_migration::prelude::*;

use crate::{access, ddl};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(
            manager,
            "CREATE TABLE idempotency_keys (
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
        )
        .await?;
        access::isolate(manager, "idempotency_keys", "tenant_id").await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(ddl::irreversible())
    }
}
