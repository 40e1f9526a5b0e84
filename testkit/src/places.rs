//! The places of tenants' own, looked into past all locks. A tenant is named by its id, as the API writes it.

use crate::TestDatabase;

/// The newest migration of the tenant tables, and what it makes: what a tenant of the version before does not have.
const NEWEST: &str = "m0003_departures";
const MADE_BY_NEWEST: &str = "departures";

/// Which of a tenant's own places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// Its schema, on PostgreSQL.
    Schema,
    /// Its database or, on SQLite, its file.
    Database,
}

impl Own {
    /// The word that the service has for it.
    pub fn isolation(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Database => "database",
        }
    }
}

impl TestDatabase {
    /// Which places of their own tenants can have here.
    pub fn own_places(&self) -> &'static [Own] {
        match self {
            Self::Postgres(_) => &[Own::Schema, Own::Database],
            Self::Sqlite(_) => &[Own::Database],
        }
    }

    /// Runs SQL in a tenant's own place.
    pub async fn execute_in(&self, own: Own, tenant: &str, sql: &str) {
        let name = own_name(tenant);
        match (self, own) {
            (_, Own::Schema) => self.execute(&format!("SET search_path = {name}; {sql}")).await,
            (Self::Postgres(database), Own::Database) => database.execute_at(&name, sql).await,
            (Self::Sqlite(file), Own::Database) => file.execute_at(&file.path_of(&name), sql).await,
        }
    }

    /// Reads one number in the database or file of a tenant's own, or from a table of its schema. `{}` stands for what comes
    /// before the table's name.
    pub async fn number_in(&self, own: Own, tenant: &str, sql: &str) -> i64 {
        let name = own_name(tenant);
        match (self, own) {
            (_, Own::Schema) => self.number(&sql.replace("{}", &format!("{name}."))).await,
            (Self::Postgres(database), Own::Database) => database.number_at(&name, &sql.replace("{}", "")).await,
            (Self::Sqlite(file), Own::Database) => file.number_at(&file.path_of(&name), &sql.replace("{}", "")).await,
        }
    }

    /// Whether the place is there.
    pub async fn has_place(&self, own: Own, tenant: &str) -> bool {
        let name = own_name(tenant);
        match (self, own) {
            (Self::Sqlite(file), _) => file.path_of(&name).is_file(),
            (_, Own::Schema) => self.counts("pg_namespace", "nspname", &name).await,
            (_, Own::Database) => self.counts("pg_database", "datname", &name).await,
        }
    }

    /// Makes a tenant's own tables, and what the catalog says of them, what they were one version ago.
    pub async fn set_back(&self, own: Own, tenant: &str) {
        let sql = format!("DROP TABLE {MADE_BY_NEWEST}; DELETE FROM tenant_migrations WHERE version = '{NEWEST}'");
        self.execute_in(own, tenant, &sql).await;
        let id = match self {
            Self::Postgres(_) => format!("'{tenant}'"),
            Self::Sqlite(_) => format!("x'{}'", tenant.replace('-', "")),
        };
        self.execute(&format!("UPDATE tenants SET schema_version = schema_version - 1 WHERE id = {id}")).await;
    }

    /// Puts something in the way of the newest migration of a tenant that was set back.
    pub async fn obstruct(&self, own: Own, tenant: &str) {
        self.execute_in(own, tenant, &format!("CREATE TABLE {MADE_BY_NEWEST} (of_another_shape integer)")).await;
    }

    /// Takes it out of the way.
    pub async fn repair(&self, own: Own, tenant: &str) {
        self.execute_in(own, tenant, &format!("DROP TABLE {MADE_BY_NEWEST}")).await;
    }

    async fn counts(&self, table: &str, column: &str, name: &str) -> bool {
        self.number(&format!("SELECT count(*) FROM {table} WHERE {column} = '{name}'")).await > 0
    }
}

/// What a tenant's schema, database and file are called.
fn own_name(tenant: &str) -> String {
    format!("tenant_{}", tenant.replace('-', ""))
}
