//! PostgreSQL's side of isolation: the policy of every table with a tenant column, and what each role is granted.
//!
//! Three roles: the *owner* runs migrations; the *serving* role answers requests and sees one tenant at a time, the one
//! bound to its transaction; the *platform* role does the operator's cross-tenant work through policies of its own.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

use crate::TENANT_TABLES;

/// The transaction-local setting that names the tenant whose rows are visible.
pub const TENANT_SETTING: &str = "app.current_tenant_id";

/// The one policy of a table for everybody but the platform.
pub const TENANT_POLICY: &str = "tenant_isolation";

/// The policy that lets the platform role see every tenant.
pub const PLATFORM_POLICY: &str = "platform_access";

/// Tables of the catalog that hold tenants' data, with the column that names the tenant.
pub const CATALOG_TABLES: &[&str] = &["tenants", "tenant_slugs", "tenant_domains", "audit_log"];

/// Enables and forces row-level security on a table. Without a bound tenant the setting is null or, after a
/// transaction that had one, empty: both compare to nothing, so no row is visible and none can be written.
pub(crate) async fn isolate(manager: &SchemaManager<'_>, table: &str, column: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    if connection.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let bound = format!("{column} = nullif(current_setting('{TENANT_SETTING}', true), '')::uuid");
    let sql = format!(
        "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
         ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
         CREATE POLICY {TENANT_POLICY} ON {table} FOR ALL TO PUBLIC USING ({bound}) WITH CHECK ({bound});"
    );
    connection.execute_unprepared(&sql).await?;
    Ok(())
}

/// Gives the serving and the platform role what they need and nothing else. Safe to repeat.
///
/// `serving` is `None` when the owner serves as well, which the start-up check refuses afterwards, with the reason.
pub async fn grant(
    connection: &impl ConnectionTrait,
    serving: Option<&str>,
    platform: Option<&str>,
) -> Result<(), DbErr> {
    if let Some(role) = serving {
        connection.execute_unprepared(&serving_grants(&quote(role))).await?;
    }
    if let Some(role) = platform {
        connection.execute_unprepared(&platform_grants(&quote(role))).await?;
    }
    Ok(())
}

fn serving_grants(role: &str) -> String {
    format!(
        "GRANT USAGE ON SCHEMA public TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {role};
         GRANT SELECT, UPDATE (name, name_folded, version, updated_at) ON tenants TO {role};
         GRANT SELECT ON catalog_migrations, tenant_migrations TO {role};",
        tables = TENANT_TABLES.join(", "),
    )
}

fn platform_grants(role: &str) -> String {
    let mut sql = format!(
        "GRANT USAGE ON SCHEMA public TO {role};
         GRANT SELECT ON catalog_migrations, tenant_migrations TO {role};"
    );
    for table in CATALOG_TABLES.iter().chain(TENANT_TABLES) {
        // The audit log is append-only, for the platform too.
        let verbs = if *table == "audit_log" { "SELECT, INSERT" } else { "SELECT, INSERT, UPDATE, DELETE" };
        sql.push_str(&format!(
            "GRANT {verbs} ON {table} TO {role};
             DO $$ BEGIN
                 CREATE POLICY {PLATFORM_POLICY} ON {table} FOR ALL TO {role} USING (true) WITH CHECK (true);
             EXCEPTION WHEN duplicate_object THEN
                 ALTER POLICY {PLATFORM_POLICY} ON {table} TO {role};
             END $$;"
        ));
    }
    sql
}

/// A role's name as an SQL identifier.
fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}
