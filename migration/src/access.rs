//! PostgreSQL's side of isolation: the policy of every table with a tenant column, and what each role is granted.
//!
//! Three roles: the *owner* runs migrations and makes places; the *serving* role answers requests and sees one tenant at a
//! time, the one bound to its transaction; the *platform* role does the operator's cross-tenant work through policies of its
//! own.

use crate::{CATALOG, CATALOG_TABLES, CHANGES, DEPARTURES, TALLIES, TENANT, TENANT_TABLES};

/// The transaction-local setting that names the tenant whose rows are visible.
pub const TENANT_SETTING: &str = "app.current_tenant_id";

/// The one policy of a table for everybody but the platform.
pub const TENANT_POLICY: &str = "tenant_isolation";

/// The policy that lets the platform role see every tenant.
pub const PLATFORM_POLICY: &str = "platform_access";

/// Enables and forces row-level security on a table. Without a bound tenant the setting is null or, after a
/// transaction that had one, empty: both compare to nothing, so no row is visible and none can be written.
pub(crate) fn isolate(table: &str, column: &str) -> String {
    let bound = format!("{column} = nullif(current_setting('{TENANT_SETTING}', true), '')::uuid");
    format!(
        "
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY {TENANT_POLICY} ON {table} FOR ALL TO PUBLIC USING ({bound}) WITH CHECK ({bound});"
    )
}

/// What the serving role may do with the tenant tables of the schema, which is the current one. Safe to repeat.
pub fn tenant_grants(schema: &str, serving: &str) -> String {
    let (schema, role) = (quote(schema), quote(serving));
    format!(
        "
        GRANT USAGE ON SCHEMA {schema} TO {role};
        GRANT SELECT, INSERT, UPDATE, DELETE ON {tables}, {TALLIES} TO {role};
        GRANT SELECT ON {DEPARTURES}, {ledger} TO {role};",
        tables = TENANT_TABLES.join(", "),
        ledger = TENANT.ledger,
    )
}

/// What the serving role may do with the catalog, beside the tenant tables: look at its tenant's own row and rename it.
pub fn catalog_grants(serving: &str) -> String {
    let role = quote(serving);
    format!(
        "
        GRANT SELECT, UPDATE (name, name_folded, version, updated_at) ON tenants TO {role};
        GRANT SELECT ON {ledger} TO {role};",
        ledger = CATALOG.ledger,
    )
}

/// What the platform role may do with the tables of the current schema, which is `public`. Safe to repeat.
pub fn platform_grants(platform: &str, with_catalog: bool) -> String {
    let role = quote(platform);
    let mut sql = format!("GRANT USAGE ON SCHEMA public TO {role}; GRANT SELECT ON {} TO {role};", TENANT.ledger);
    let catalog = if with_catalog { CATALOG_TABLES } else { &[] };
    if with_catalog {
        sql.push_str(&format!("GRANT SELECT ON {}, {CHANGES} TO {role};", CATALOG.ledger));
    }
    for table in catalog.iter().chain(TENANT_TABLES).chain(&[DEPARTURES, TALLIES]) {
        // The audit log is append-only, for the platform too; who has left is the owner's to say.
        let verbs = match *table {
            "audit_log" => "SELECT, INSERT",
            DEPARTURES => "SELECT",
            _ => "SELECT, INSERT, UPDATE, DELETE",
        };
        sql.push_str(&format!("GRANT {verbs} ON {table} TO {role}; {}", platform_policy(table, platform)));
    }
    sql
}

/// The platform's policy on a table, made or given to this role. Where it is as it should be the table is left alone: any change
/// of a policy waits for everybody who reads the table, and whoever comes later waits behind it.
fn platform_policy(table: &str, platform: &str) -> String {
    let (role, name) = (quote(platform), platform.replace('\'', "''"));
    format!(
        "DO $$ BEGIN
             IF EXISTS (SELECT FROM pg_policies WHERE schemaname = current_schema() AND tablename = '{table}'
                        AND policyname = '{PLATFORM_POLICY}' AND roles = ARRAY['{name}']::name[]) THEN
                 RETURN;
             END IF;
             BEGIN
                 CREATE POLICY {PLATFORM_POLICY} ON {table} FOR ALL TO {role} USING (true) WITH CHECK (true);
             EXCEPTION WHEN duplicate_object THEN
                 ALTER POLICY {PLATFORM_POLICY} ON {table} TO {role};
             END;
         END $$;"
    )
}

/// A name as an SQL identifier.
pub fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}
