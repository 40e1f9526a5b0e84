//! What PostgreSQL's own catalog says of tables and of who may do what with them: in one schema, or in a thousand at once.
//!
//! The queries speak of `place`, the schemas, of `here`, their relations, and of what secures those (see [`queried`]). Every row of an answer is a sentence about something that is wrong, and the schema it is wrong in.

use migration::TENANT_TABLES;
use migration::access::{TENANT_POLICY, TENANT_SETTING};

use super::{HAVE_COLUMN, catalog_tables};

/// The schema that the transaction is in.
pub(super) const CURRENT: &str = "n.nspname = current_schema()";

/// Schemas that are named by the first parameter, with commas between them. Names are of letters, digits and _.
const NAMED: &str = "n.nspname = ANY (string_to_array($1, ',')::name[])";

/// A query on the schemas `n` that this is true of. Their relations are found by an index: among a thousand schemas they must not
/// be looked for one by one.
pub(super) fn queried(which: &str, sql: &str) -> String {
    let secured = secured();
    format!(
        "WITH place AS (SELECT n.oid, n.nspname FROM pg_namespace n WHERE {which}), here AS (
            SELECT d.objid AS relation, place.nspname AS schema
            FROM place JOIN pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = place.oid
            WHERE d.classid = 'pg_class'::regclass
        ), {secured} {sql}"
    )
}

/// All that is looked at, as one query on the schemas that its parameter names.
pub(super) fn all_looks() -> String {
    let looks = looks().map(|look| look.sql);
    queried(NAMED, &looks.join(" UNION ALL "))
}

/// A query, what it looks at, and what holds if it finds nothing.
pub(super) struct Look {
    pub(super) name: &'static str,
    pub(super) sql: String,
    pub(super) fine: &'static str,
}

/// All that is looked at in a schema.
pub(super) fn looks() -> [Look; 5] {
    let look = |name, sql, fine| Look { name, sql, fine };
    [
        look("ownership", OWNERSHIP.to_owned(), "the serving role owns nothing and creates nothing"),
        look("detours", DETOURS.to_owned(), "no role, view or function leads around the policies"),
        look("policies", policies(), "row-level security is forced on every tenant table"),
        look("tenant columns", columns(), HAVE_COLUMN),
        look("keys", keys(), "every key of a tenant table begins with the tenant"),
    ]
}

/// What else would lead around the policies: making oneself a member of a stronger role (possible with CREATEROLE before
/// PostgreSQL 16), and views and functions that look with their owner's eyes.
const DETOURS: &str = "
    SELECT 'the serving role ' || rolname || ' has CREATEROLE: it could make itself a member of other roles', current_schema()
    FROM pg_roles WHERE rolname = current_user AND rolcreaterole AND NOT rolsuper
    UNION ALL
    SELECT 'the serving role may read the view ' || c.relname || ', which shows what its owner sees', here.schema
    FROM pg_class c JOIN here ON here.relation = c.oid
    WHERE c.relkind IN ('v', 'm') AND has_table_privilege(current_user, c.oid, 'SELECT')
      AND NOT coalesce('security_invoker=true' = ANY (c.reloptions) OR 'security_invoker=on' = ANY (c.reloptions), false)
    UNION ALL
    SELECT 'the serving role may call the function ' || p.proname || ', which runs with its owner''s rights', place.nspname
    FROM pg_proc p JOIN place ON place.oid = p.pronamespace
    WHERE p.prosecdef AND has_function_privilege(current_user, p.oid, 'EXECUTE')";

const OWNERSHIP: &str = "
    SELECT 'the serving role ' || current_user || ' owns the table ' || c.relname || ', or may become its owner: it could drop the policy', here.schema
    FROM pg_class c JOIN here ON here.relation = c.oid
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND pg_has_role(current_user, c.relowner, 'MEMBER')
    UNION ALL
    SELECT 'the serving role ' || current_user || ' may create objects in the schema ' || place.nspname, place.nspname
    FROM place WHERE has_schema_privilege(current_user, place.oid, 'CREATE')
    UNION ALL
    SELECT 'the serving role ' || current_user || ' may truncate the table ' || c.relname || ': policies do not apply to that', here.schema
    FROM pg_class c JOIN here ON here.relation = c.oid
    WHERE c.relkind IN ('r', 'p')
      AND has_table_privilege(current_user, c.oid, 'TRUNCATE') AND NOT pg_has_role(current_user, c.relowner, 'MEMBER')";

/// Every table with a tenant column, with the condition that it should be under, and the policies that apply to the serving role.
/// PostgreSQL stores expressions parsed; the text is how it writes them back.
fn secured() -> String {
    let bound = |column: &str| {
        format!("({column} = (NULLIF(current_setting(''{TENANT_SETTING}''::text, true), ''''::text))::uuid)")
    };
    format!(
        "tenant_table AS (
            SELECT c.oid, c.relname, here.schema, c.relrowsecurity, c.relforcerowsecurity,
                   CASE WHEN c.relname = 'tenants' THEN '{own}' ELSE '{tenant}' END AS bound
            FROM pg_class c JOIN here ON here.relation = c.oid
            WHERE c.relkind IN ('r', 'p')
              AND (c.relname = 'tenants' OR EXISTS (
                  SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped))
        ), applying AS (
            SELECT p.*, pg_get_expr(p.polqual, p.polrelid) AS visible, pg_get_expr(p.polwithcheck, p.polrelid) AS writable
            FROM pg_policy p JOIN tenant_table t ON t.oid = p.polrelid
            WHERE p.polpermissive AND EXISTS (
                SELECT FROM unnest(p.polroles) AS role
                WHERE role = 0 OR pg_has_role(current_user, role, 'MEMBER'))
        )",
        own = bound("id"),
        tenant = bound("tenant_id"),
    )
}

/// Secured, forced, and under exactly the one policy as far as the serving role goes.
fn policies() -> String {
    format!(
        "
    SELECT 'row-level security is not enabled on the table ' || relname, schema FROM tenant_table WHERE NOT relrowsecurity
    UNION ALL
    SELECT 'row-level security is not forced on the table ' || relname, schema FROM tenant_table WHERE NOT relforcerowsecurity
    UNION ALL
    SELECT 'the table ' || t.relname || ' has no policy {TENANT_POLICY} that holds every command to the bound tenant', t.schema
    FROM tenant_table t
    WHERE NOT EXISTS (
        SELECT FROM applying p
        WHERE p.polrelid = t.oid AND p.polname = '{TENANT_POLICY}' AND p.polcmd = '*'
          AND p.visible = t.bound AND p.writable = t.bound)
    UNION ALL
    SELECT 'the policy ' || p.polname || ' on the table ' || t.relname || ' lets the serving role see more than one tenant', t.schema
    FROM applying p JOIN tenant_table t ON t.oid = p.polrelid
    WHERE p.polname <> '{TENANT_POLICY}'"
    )
}

/// Looks for the column in every tenant table: where it is missing, no policy and no key could begin with it.
fn columns() -> String {
    let tables: Vec<_> = TENANT_TABLES.iter().map(|table| format!("'{table}'")).collect();
    format!(
        "SELECT 'the table ' || t.name || ' has no column tenant_id', place.nspname
        FROM place CROSS JOIN unnest(ARRAY[{}]) AS t (name)
        WHERE NOT EXISTS (
            SELECT FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relnamespace = place.oid AND c.relname = t.name AND a.attname = 'tenant_id' AND NOT a.attisdropped)",
        tables.join(", ")
    )
}

/// Primary and unique keys and both sides of foreign keys begin with the tenant. The catalog's tables, which hold what names a
/// tenant in the first place, are apart.
fn keys() -> String {
    format!(
        "
    SELECT 'the key ' || i.relname || ' of the table ' || c.relname || ' does not begin with tenant_id', here.schema
    FROM pg_index x
    JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
    JOIN here ON here.relation = c.oid
    JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant_id'
    WHERE x.indisunique AND c.relname NOT IN ({catalog}) AND x.indkey[0] <> t.attnum
    UNION ALL
    SELECT 'the foreign key ' || k.conname || ' of the table ' || c.relname || ' does not begin with tenant_id', here.schema
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN here ON here.relation = c.oid
    JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant_id'
    WHERE k.contype = 'f' AND c.relname NOT IN ({catalog}) AND k.conkey[1] <> t.attnum",
        catalog = catalog_tables()
    )
}
