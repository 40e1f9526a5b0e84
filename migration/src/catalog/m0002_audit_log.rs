//! Who of the platform did what to which tenant.

use sea_orm_migration::prelude::*;

use crate::{access, ddl};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // No foreign key to `tenants`: what was done to a tenant outlives it.
        ddl::run(
            manager,
            "CREATE TABLE audit_log (
                id {uuid} NOT NULL PRIMARY KEY,
                at {time} NOT NULL,
                actor text NOT NULL,
                action text NOT NULL,
                tenant_id {uuid},
                detail {json} NOT NULL
            );
            CREATE INDEX audit_log_tenant_idx ON audit_log (tenant_id, id);",
        )
        .await?;
        access::isolate(manager, "audit_log", "tenant_id").await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(ddl::irreversible())
    }
}
