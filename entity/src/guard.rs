//! The proof, on the running database, that the serving role cannot see more than one tenant.
//!
//! Run before anything is served and by `doctor`. Every finding is a sentence that an operator can act on.

mod pooler;
mod schemas;

use sea_orm::{DbBackend, QueryResult, Statement};

use crate::connection::{Access, Binding, Lease};
use crate::database::Database;
use crate::doctor::Check;
use crate::error::{Error, Keys, internal};
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
    if place.backend() != DbBackend::Postgres {
        let checks = sqlite(place).await?;
        return Ok(checks.into_iter().filter(|check| !check.ok).map(|check| check.finding).collect());
    }
    let mut wrong = Vec::new();
    // The role at home is looked at when the server starts.
    if place.store.name().is_some() {
        let role = serving_role(place).await?;
        wrong.extend((!role.ok).then_some(role.finding));
    }
    let schema = place.spot.schema();
    let mut lease = Lease::begin(&place.without_schema(), Access::Read, Binding::Nobody).await?;
    let found = wrong_in(&mut lease, std::slice::from_ref(&schema)).await?;
    wrong.extend(found.into_iter().map(|(_, sentence)| sentence));
    lease.run(&format!("SET LOCAL search_path = {schema}")).await?;
    wrong.extend(seen_unbound(&mut lease, place).await?);
    lease.roll_back().await;
    Ok(wrong)
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
    let mut checks = Vec::new();
    for look in schemas::looks() {
        checks.push(finds_nothing(lease, look.name, &look.sql, look.fine).await?);
    }
    let seen = seen_unbound(lease, place).await?;
    checks.push(Check::new("unbound read", seen, "a read without a tenant finds nothing"));
    lease.roll_back().await;
    Ok(checks)
}

/// What is wrong in which of these schemas of a store, with one query however many there are.
pub(crate) async fn examine_schemas(serving: &Place, names: &[String]) -> Result<Vec<(String, String)>, Error> {
    let mut lease = Lease::begin(serving, Access::Read, Binding::Nobody).await?;
    let wrong = wrong_in(&mut lease, names).await?;
    lease.roll_back().await;
    Ok(wrong)
}

/// The schema and a sentence for everything that is wrong in one of them. The same text whichever schemas they are, and no bound
/// schema: so a connection plans it once, which takes longer than to run it.
async fn wrong_in(lease: &mut Lease, schemas: &[String]) -> Result<Vec<(String, String)>, Error> {
    lease.run("SET LOCAL plan_cache_mode = force_generic_plan").await?;
    let statement = Statement::from_sql_and_values(lease.backend(), schemas::all_looks(), [schemas.join(",").into()]);
    let rows = lease.rows(statement, Keys::default()).await?;
    let text = |row: &QueryResult, at| row.try_get_by_index::<String>(at).map_err(internal);
    rows.iter().map(|row| Ok((text(row, 1)?, text(row, 0)?))).collect()
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
        finds_nothing(&mut lease, "tenant columns", &sqlite_columns(), HAVE_COLUMN).await?,
        finds_nothing(&mut lease, "keys", &sqlite_keys(), "every key of a tenant table begins with the tenant").await?,
    ];
    lease.roll_back().await;
    Ok(checks)
}

/// Runs a query whose every row is a sentence about something that is wrong.
async fn finds_nothing(lease: &mut Lease, name: &str, sql: &str, fine: &str) -> Result<Check, Error> {
    let backend = lease.backend();
    let sql = if backend == DbBackend::Postgres { schemas::queried(schemas::CURRENT, sql) } else { sql.to_owned() };
    let wrong = sentences(&lease.rows(Statement::from_string(backend, sql), Keys::default()).await?)?;
    Ok(Check::new(name, wrong, fine))
}

/// Reads each table without a tenant: no row may show.
async fn seen_unbound(lease: &mut Lease, place: &Place) -> Result<Vec<String>, Error> {
    let catalog: &[&str] = if place.has_catalog() { &["tenants"] } else { &[] };
    let read = |table: &&str| format!("(SELECT 'a read of {table} without a tenant finds rows' FROM {table} LIMIT 1)");
    let reads: Vec<_> = migration::TENANT_TABLES.iter().chain(&[migration::TALLIES]).chain(catalog).map(read).collect();
    let statement = Statement::from_string(lease.backend(), reads.join(" UNION ALL "));
    sentences(&lease.rows(statement, Keys::default()).await?)
}

fn sentences(rows: &[QueryResult]) -> Result<Vec<String>, Error> {
    rows.iter().map(|row| row.try_get_by_index(0).map_err(internal)).collect()
}

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

const HAVE_COLUMN: &str = "every tenant table says whose each row is";

fn sqlite_columns() -> String {
    let missing = |table: &&str| {
        format!(
            "SELECT 'the table {table} has no column tenant_id'
             WHERE NOT EXISTS (SELECT 1 FROM pragma_table_info('{table}') WHERE name = 'tenant_id')"
        )
    };
    migration::TENANT_TABLES.iter().map(missing).collect::<Vec<_>>().join(" UNION ALL ")
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
