//! The places of tenants' own, looked into past all locks. A tenant is named by its id, as the API writes it.

use crate::TestDatabase;

/// A migration of the tenant tables that makes a table and does nothing else. Without it, a tenant is one version behind.
const MIGRATION: &str = "m0003_departures";
const MADE_BY_IT: &str = "departures";

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
            (Self::Postgres(database), Own::Schema) => database.execute_in_schema(&name, sql).await,
            (Self::Postgres(database), Own::Database) => database.execute_at(&name, sql).await,
            (Self::Sqlite(file), _) => file.execute_at(&file.path_of(&name), sql).await,
        }
    }

    /// Reads one number in a tenant's own place.
    pub async fn number_in(&self, own: Own, tenant: &str, sql: &str) -> i64 {
        let name = own_name(tenant);
        match (self, own) {
            (Self::Postgres(database), Own::Schema) => database.number_in_schema(&name, sql).await,
            (Self::Postgres(database), Own::Database) => database.number_at(&name, sql).await,
            (Self::Sqlite(file), _) => file.number_at(&file.path_of(&name), sql).await,
        }
    }

    /// Runs SQL on the shared tables and in the own place of every tenant in the catalog.
    pub async fn execute_everywhere(&self, sql: &str) {
        self.execute(sql).await;
        for (own, tenant) in self.housed().await {
            self.execute_in(own, &tenant, sql).await;
        }
    }

    /// Reads one number from the shared tables and from the own place of every tenant in the catalog, and adds them up: what
    /// counts rows counts them wherever they are.
    pub async fn number_everywhere(&self, sql: &str) -> i64 {
        let mut sum = self.number(sql).await;
        for (own, tenant) in self.housed().await {
            sum += self.number_in(own, &tenant, sql).await;
        }
        sum
    }

    /// The tenants in the catalog that have a place of their own.
    async fn housed(&self) -> Vec<(Own, String)> {
        let mut housed = Vec::new();
        for own in self.own_places() {
            let condition = format!("isolation = '{}'", own.isolation());
            let ids = match self {
                Self::Postgres(database) => {
                    database.texts(&format!("SELECT id::text FROM tenants WHERE {condition}")).await
                }
                Self::Sqlite(file) => {
                    file.texts(&format!("SELECT lower(hex(id)) FROM tenants WHERE {condition}")).await
                }
            };
            housed.extend(ids.into_iter().map(|id| (*own, id)));
        }
        housed
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

    /// How many places of their own there are, whoever has them.
    pub async fn count_places(&self) -> i64 {
        match self {
            Self::Postgres(database) => {
                let sql = "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tenant\\_%')
                           + (SELECT count(*) FROM pg_database
                              WHERE shobj_description(oid, 'pg_database') = 'a tenant of ' || current_database())";
                database.number(sql).await
            }
            Self::Sqlite(file) => file.count_of_tenants(),
        }
    }

    /// Destroys a tenant's own place behind the service's back.
    pub async fn lose_place(&self, own: Own, tenant: &str) {
        let name = own_name(tenant);
        match (self, own) {
            (Self::Postgres(_), Own::Schema) => self.execute(&format!("DROP SCHEMA {name} CASCADE")).await,
            (Self::Postgres(_), Own::Database) => self.execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await,
            (Self::Sqlite(file), _) => std::fs::remove_file(file.path_of(&name)).expect("it is there"),
        }
    }

    /// Makes a tenant's own tables, and what the catalog says of them, what they were one version ago.
    pub async fn set_back(&self, own: Own, tenant: &str) {
        let sql = format!("DROP TABLE {MADE_BY_IT}; DELETE FROM tenant_migrations WHERE version = '{MIGRATION}'");
        self.execute_in(own, tenant, &sql).await;
        let id = match self {
            Self::Postgres(_) => format!("'{tenant}'"),
            Self::Sqlite(_) => format!("x'{}'", tenant.replace('-', "")),
        };
        self.execute(&format!("UPDATE tenants SET schema_version = schema_version - 1 WHERE id = {id}")).await;
    }

    /// The same of the tables that tenants share, where no tenant is yet.
    pub async fn set_back_shared(&self) {
        self.execute(&format!("DROP TABLE {MADE_BY_IT}; DELETE FROM tenant_migrations WHERE version = '{MIGRATION}'"))
            .await;
    }

    /// Puts something in the way of what a tenant lacks that was set back.
    pub async fn obstruct(&self, own: Own, tenant: &str) {
        self.execute_in(own, tenant, &format!("CREATE TABLE {MADE_BY_IT} (of_another_shape integer)")).await;
    }

    /// Takes it out of the way.
    pub async fn repair(&self, own: Own, tenant: &str) {
        self.execute_in(own, tenant, &format!("DROP TABLE {MADE_BY_IT}")).await;
    }

    async fn counts(&self, table: &str, column: &str, name: &str) -> bool {
        self.number(&format!("SELECT count(*) FROM {table} WHERE {column} = '{name}'")).await > 0
    }
}

/// What a tenant's schema, database and file are called.
fn own_name(tenant: &str) -> String {
    format!("tenant_{}", tenant.replace('-', ""))
}
