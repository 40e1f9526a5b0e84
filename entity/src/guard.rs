//! The proof, on the running database, that the serving role cannot see more than one tenant.
//!
//! Run before anything is served and by `doctor`. Every finding is a sentence that an operator can act on.

mod pooler;

use migration::access::{TENANT_POLICY, TENANT_SETTING};
use sea_orm::{DbBackend, QueryResult, Statement};

use crate::connection::{Access, Binding, Lease};
use crate::database::Database;
use crate::doctor::Check;
use crate::error::{Error, Keys};
use crate::place::Place;

/// Whether the tables that are there once, at home, keep tenants apart. SQLite has no roles: there the types and the keys do.
pub(crate) async fn examine(database: &Database) -> Result<Vec<Check>, Error> {
    let mut checks = examine_shared(&database.serving).await?;
    if database.serving.backend() == DbBackend::Postgres {
        checks.push(platform(&database.platform).await?);
        if database.connections.can_lend_two() {
            checks.push(pooler::statements(&database.serving).await?);
        }
    }
    Ok(checks)
}

/// What is wrong with a place, if anything.
pub(crate) async fn examine_place(place: &Place) -> Result<Vec<String>, Error> {
    let checks = match place.backend() {
        DbBackend::Postgres => postgres_place(place).await?,
        _ => sqlite(place).await?,
    };
    Ok(checks.into_iter().filter(|check| !check.ok).map(|check| check.finding).collect())
}

/// The role that connects, and the tables it finds.
pub(crate) async fn examine_shared(serving: &Place) -> Result<Vec<Check>, Error> {
    if serving.backend() != DbBackend::Postgres {
        return sqlite(serving).await;
    }
    let mut checks = vec![serving_role(serving).await?];
    checks.extend(postgres_place(serving).await?);
    Ok(checks)
}

/// Gives its connection back before the next check: there may be one only.
async fn serving_role(serving: &Place) -> Result<Check, Error> {
    let mut lease = Lease::begin(serving, Access::Read, Binding::Nobody).await?;
    let role = finds_nothing(&mut lease, "role", ROLE, "the serving role can see one tenant at a time only").await?;
    lease.roll_back().await;
    Ok(role)
}

async fn postgres_place(place: &Place) -> Result<Vec<Check>, Error> {
    let mut lease = Lease::begin(place, Access::Read, Binding::Nobody).await?;
    let lease = &mut lease;
    let checks = vec![
        finds_nothing(lease, "ownership", OWNERSHIP, "the serving role owns nothing and creates nothing").await?,
        finds_nothing(lease, "detours", DETOURS, "no role, view or function leads around the policies").await?,
        finds_nothing(lease, "policies", &policies(), "row-level security is forced on every tenant table").await?,
        finds_nothing(lease, "tenant columns", &tenant_columns(POSTGRES_COLUMN), HAVE_COLUMN).await?,
        finds_nothing(lease, "keys", &postgres_keys(), "every key of a tenant table begins with the tenant").await?,
        unbound_read(lease, place).await?,
    ];
    lease.roll_back().await;
    Ok(checks)
}

/// A platform role without its policies would take every tenant for missing.
async fn platform(platform: &Place) -> Result<Check, Error> {
    let mut lease = Lease::begin(platform, Access::Read, Binding::Nobody).await?;
    let check = finds_nothing(&mut lease, "platform", PLATFORM, "the platform role reaches every tenant").await?;
    lease.roll_back().await;
    Ok(check)
}

async fn sqlite(serving: &Place) -> Result<Vec<Check>, Error> {
    let mut lease = Lease::begin(serving, Access::Read, Binding::Nobody).await?;
    let checks = vec![
        finds_nothing(&mut lease, "foreign keys", SQLITE_FOREIGN_KEYS, "foreign keys are enforced").await?,
        finds_nothing(&mut lease, "tenant columns", &tenant_columns(SQLITE_COLUMN), HAVE_COLUMN).await?,
        finds_nothing(&mut lease, "keys", &sqlite_keys(), "every key of a tenant table begins with the tenant").await?,
    ];
    lease.roll_back().await;
    Ok(checks)
}

/// Runs a query whose every row is a sentence about something that is wrong.
async fn finds_nothing(lease: &mut Lease, name: &str, sql: &str, fine: &str) -> Result<Check, Error> {
    let backend = lease.backend();
    let sql = if backend == DbBackend::Postgres { format!("{HERE}{sql}") } else { sql.to_owned() };
    let wrong = sentences(&lease.rows(Statement::from_string(backend, sql), Keys::default()).await?)?;
    Ok(Check::new(name, wrong, fine))
}

/// Reads each table without a tenant: no row may show.
async fn unbound_read(lease: &mut Lease, place: &Place) -> Result<Check, Error> {
    let mut wrong = Vec::new();
    let catalog: &[&str] = if place.has_catalog() { &["tenants"] } else { &[] };
    for table in migration::TENANT_TABLES.iter().chain(catalog) {
        let sql = format!("SELECT 'a read of {table} without a tenant finds rows' FROM {table} LIMIT 1");
        let statement = Statement::from_string(lease.backend(), sql);
        wrong.extend(sentences(&lease.rows(statement, Keys::default()).await?)?);
    }
    Ok(Check::new("unbound read", wrong, "a read without a tenant finds nothing"))
}

fn sentences(rows: &[QueryResult]) -> Result<Vec<String>, Error> {
    let sentence =
        |row: &QueryResult| row.try_get_by_index(0).map_err(|error: sea_orm::DbErr| Error::Internal(error.to_string()));
    rows.iter().map(sentence).collect()
}

/// The relations of the current schema, by an index: among a thousand schemas they must not be looked for one by one.
const HERE: &str = "
    WITH here AS (
        SELECT objid AS relation FROM pg_depend
        WHERE refclassid = 'pg_namespace'::regclass AND refobjid = to_regnamespace(quote_ident(current_schema()))
          AND classid = 'pg_class'::regclass
    )";

/// Superusers and roles with BYPASSRLS are above policies, and so is whoever may become one.
const ROLE: &str = "
    SELECT CASE
        WHEN r.rolname = current_user AND r.rolsuper THEN 'the serving role ' || current_user || ' is a superuser: policies do not apply to it'
        WHEN r.rolname = current_user THEN 'the serving role ' || current_user || ' has BYPASSRLS: policies do not apply to it'
        ELSE 'the serving role ' || current_user || ' may become ' || r.rolname || ', to which policies do not apply'
    END
    FROM pg_roles r
    WHERE (r.rolsuper OR r.rolbypassrls)
      AND (r.rolname = current_user OR pg_has_role(current_user, r.oid, 'MEMBER'))
      AND (r.rolname = current_user OR NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))";

/// What else would lead around the policies: making oneself a member of a stronger role (possible with CREATEROLE before
/// PostgreSQL 16), and views and functions that look with their owner's eyes.
const DETOURS: &str = "
    SELECT 'the serving role ' || rolname || ' has CREATEROLE: it could make itself a member of other roles'
    FROM pg_roles WHERE rolname = current_user AND rolcreaterole AND NOT rolsuper
    UNION ALL
    SELECT 'the serving role may read the view ' || c.relname || ', which shows what its owner sees'
    FROM pg_class c JOIN here ON here.relation = c.oid
    WHERE c.relkind IN ('v', 'm') AND has_table_privilege(current_user, c.oid, 'SELECT')
      AND NOT coalesce('security_invoker=true' = ANY (c.reloptions) OR 'security_invoker=on' = ANY (c.reloptions), false)
    UNION ALL
    SELECT 'the serving role may call the function ' || p.proname || ', which runs with its owner''s rights'
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prosecdef AND n.nspname = current_schema() AND has_function_privilege(current_user, p.oid, 'EXECUTE')";

const OWNERSHIP: &str = "
    SELECT 'the serving role ' || current_user || ' owns the table ' || c.relname || ', or may become its owner: it could drop the policy'
    FROM pg_class c JOIN here ON here.relation = c.oid
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND pg_has_role(current_user, c.relowner, 'MEMBER')
    UNION ALL
    SELECT 'the serving role ' || current_user || ' may create objects in the schema ' || current_schema()
    WHERE has_schema_privilege(current_user, current_schema(), 'CREATE')
    UNION ALL
    SELECT 'the serving role ' || current_user || ' may truncate the table ' || c.relname || ': policies do not apply to that'
    FROM pg_class c JOIN here ON here.relation = c.oid
    WHERE c.relkind IN ('r', 'p')
      AND has_table_privilege(current_user, c.oid, 'TRUNCATE') AND NOT pg_has_role(current_user, c.relowner, 'MEMBER')";

const PLATFORM: &str = "
    SELECT 'the platform role ' || current_user || ' does not reach the rows of the table ' || c.relname
        || ': run `tenantry migrate` with this DATABASE_PLATFORM_URL'
    FROM pg_class c JOIN here ON here.relation = c.oid
    WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity
      AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = current_user AND (r.rolsuper OR r.rolbypassrls))
      AND NOT EXISTS (
          SELECT FROM pg_policy p
          WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd = '*'
            AND pg_get_expr(p.polqual, p.polrelid) = 'true'
            AND EXISTS (SELECT FROM unnest(p.polroles) AS role WHERE role = 0 OR pg_has_role(current_user, role, 'MEMBER')))";

/// Every table with a tenant column: secured, forced, and under exactly the one policy as far as the serving role goes.
/// PostgreSQL stores expressions parsed; the text is how it writes them back.
fn policies() -> String {
    let bound = |column: &str| {
        format!("({column} = (NULLIF(current_setting(''{TENANT_SETTING}''::text, true), ''''::text))::uuid)")
    };
    format!(
        ", tenant_table AS (
            SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity,
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
        )
        SELECT 'row-level security is not enabled on the table ' || relname FROM tenant_table WHERE NOT relrowsecurity
        UNION ALL
        SELECT 'row-level security is not forced on the table ' || relname FROM tenant_table WHERE NOT relforcerowsecurity
        UNION ALL
        SELECT 'the table ' || t.relname || ' has no policy {TENANT_POLICY} that holds every command to the bound tenant'
        FROM tenant_table t
        WHERE NOT EXISTS (
            SELECT FROM applying p
            WHERE p.polrelid = t.oid AND p.polname = '{TENANT_POLICY}' AND p.polcmd = '*'
              AND p.visible = t.bound AND p.writable = t.bound)
        UNION ALL
        SELECT 'the policy ' || p.polname || ' on the table ' || t.relname || ' lets the serving role see more than one tenant'
        FROM applying p JOIN tenant_table t ON t.oid = p.polrelid
        WHERE p.polname <> '{TENANT_POLICY}'",
        own = bound("id"),
        tenant = bound("tenant_id"),
    )
}

const HAVE_COLUMN: &str = "every tenant table says whose each row is";

const POSTGRES_COLUMN: &str =
    "SELECT FROM pg_attribute WHERE attrelid = to_regclass('{table}') AND attname = 'tenant_id' AND NOT attisdropped";

const SQLITE_COLUMN: &str = "SELECT 1 FROM pragma_table_info('{table}') WHERE name = 'tenant_id'";

/// Looks for the column in every tenant table: where it is missing, no policy and no key could begin with it.
fn tenant_columns(column: &str) -> String {
    let missing = |table: &&str| {
        let column = column.replace("{table}", table);
        format!("SELECT 'the table {table} has no column tenant_id' WHERE NOT EXISTS ({column})")
    };
    migration::TENANT_TABLES.iter().map(missing).collect::<Vec<_>>().join(" UNION ALL ")
}

/// Primary and unique keys and both sides of foreign keys begin with the tenant. The catalog's tables, which hold what names a
/// tenant in the first place, are apart.
fn postgres_keys() -> String {
    format!(
        "
    SELECT 'the key ' || i.relname || ' of the table ' || c.relname || ' does not begin with tenant_id'
    FROM pg_index x
    JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
    JOIN here ON here.relation = c.oid
    JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant_id'
    WHERE x.indisunique
      AND c.relname NOT IN ({catalog}) AND x.indkey[0] <> t.attnum
    UNION ALL
    SELECT 'the foreign key ' || k.conname || ' of the table ' || c.relname || ' does not begin with tenant_id'
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN here ON here.relation = c.oid
    JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant_id'
    WHERE k.contype = 'f'
      AND c.relname NOT IN ({catalog}) AND k.conkey[1] <> t.attnum",
        catalog = catalog_tables()
    )
}

/// The catalog's tables, as a list of literals.
fn catalog_tables() -> String {
    migration::CATALOG_TABLES.iter().map(|table| format!("'{table}'")).collect::<Vec<_>>().join(", ")
}

const SQLITE_FOREIGN_KEYS: &str =
    "SELECT 'foreign keys are not enforced on this connection' FROM pragma_foreign_keys WHERE foreign_keys = 0";

fn sqlite_keys() -> String {
    format!(
        "
    SELECT 'the key ' || i.name || ' of the table ' || t.name || ' does not begin with tenant_id'
    FROM sqlite_schema t JOIN pragma_index_list(t.name) i JOIN pragma_index_info(i.name) c
    WHERE t.type = 'table' AND t.name NOT IN ({catalog})
      AND EXISTS (SELECT 1 FROM pragma_table_info(t.name) WHERE name = 'tenant_id')
      AND i.\"unique\" = 1 AND c.seqno = 0 AND c.name <> 'tenant_id'
    UNION ALL
    SELECT 'a foreign key of the table ' || t.name || ' does not begin with tenant_id'
    FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f
    WHERE t.type = 'table' AND t.name NOT IN ({catalog})
      AND f.seq = 0 AND f.\"from\" <> 'tenant_id'",
        catalog = catalog_tables()
    )
}
