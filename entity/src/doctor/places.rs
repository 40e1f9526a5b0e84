//! Every tenant in every place: is what the catalog says there, and right, and is there anything that the catalog does not know?

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use migration::TENANT;
use sea_orm::{QueryResult, Statement};
use uuid::Uuid;

use super::{Check, told};
use crate::connection::Lease;
use crate::database::Database;
use crate::entities::tenant;
use crate::error::{Error, Keys, internal};
use crate::guard;
use crate::owner::Site;
use crate::place::{Place, Spot};
use crate::settings::{Party, Store, own_name};
use crate::tally::deviation;
use crate::vocabulary::{Isolation, TenantStatus};

/// Databases and files that are looked into at once.
const AT_ONCE: usize = 8;

/// Schemas that are looked into with one query.
const BATCH: usize = 200;

/// What is wrong, each a sentence that names the tenant or the place.
#[derive(Default)]
struct Findings {
    places: Vec<String>,
    versions: Vec<String>,
    orphans: Vec<String>,
    tallies: Vec<String>,
}

/// Looks at the places of all tenants. What changes meanwhile is no finding: what is found is looked for once more.
pub(super) async fn examine(database: &Database) -> Result<Vec<Check>, Error> {
    let settings = &database.settings;
    if !settings.is_embedded() && settings.role(Party::Platform) == settings.role(Party::Serving) {
        let why = "could not be looked at: only another DATABASE_PLATFORM_URL sees every tenant".to_owned();
        return Ok(["places", "versions", "orphans", "tallies"]
            .map(|name| Check::new(name, vec![why.clone()], ""))
            .into());
    }
    let mut found = look(database).await?;
    if !found.is_empty() {
        found.keep(&look(database).await?);
    }
    Ok(vec![
        Check::new("places", told(found.places), "every tenant's place is there and keeps its rows to itself"),
        Check::new("versions", told(found.versions), "every tenant's tables have the version that the catalog says"),
        Check::new("orphans", told(found.orphans), "there is no place that belongs to no tenant"),
        Check::new("tallies", told(found.tallies), "every tenant has as many rows and bytes as its tally says"),
    ])
}

impl Findings {
    fn is_empty(&self) -> bool {
        [&self.places, &self.versions, &self.orphans, &self.tallies].iter().all(|findings| findings.is_empty())
    }

    /// Keeps what was found both times.
    fn keep(&mut self, again: &Self) {
        self.places.retain(|finding| again.places.contains(finding));
        self.versions.retain(|finding| again.versions.contains(finding));
        self.orphans.retain(|finding| again.orphans.contains(finding));
        self.tallies.retain(|finding| again.tallies.contains(finding));
    }
}

async fn look(database: &Database) -> Result<Findings, Error> {
    let tenants = super::tenants(database).await?;
    let known: HashSet<String> = tenants.iter().map(|tenant| own_name(tenant.id)).collect();
    let mut found = Findings::default();
    for store in database.settings.stores() {
        let here = |tenant: &&tenant::Model| {
            tenant.datastore.as_deref() == store.name() && tenant.status != TenantStatus::Provisioning
        };
        let tenants: Vec<_> = tenants.iter().filter(here).collect();
        let looking = Looking { database, store, tenants, known: &known, found: &mut found };
        if let Err(error) = looking.look().await {
            found.places.push(format!("{} could not be looked at: {error}", server(store)));
        }
    }
    found.tallies = tallies(database, &tenants).await;
    for tenant in tenants.iter().filter(|tenant| database.store(tenant.datastore.as_deref()).is_err()) {
        let name = tenant.datastore.as_deref().unwrap_or_default();
        found.places.push(format!("{} is placed on {name}, which DATASTORES does not name", tenant.slug));
    }
    Ok(found)
}

/// Tenants whose tally is off. A place that cannot be asked is told of as a place.
async fn tallies(database: &Database, tenants: &[tenant::Model]) -> Vec<String> {
    let newest = |tenant: &&tenant::Model| usize::try_from(tenant.schema_version) == Ok(TENANT.newest());
    let asked = tenants.iter().filter(|tenant| tenant.status != TenantStatus::Provisioning).filter(newest);
    let answers = stream::iter(asked).map(async |tenant| {
        let place = database.place_of(tenant).ok()?;
        let off = deviation(&place, tenant.id).await.ok().filter(|off| off.was_off)?;
        let (slug, rows, bytes) = (&tenant.slug, off.rows, off.bytes);
        Some(format!(
            "the tally of {slug} is {rows} rows and {bytes} bytes too low: `tenantry tenant stats {slug} --recount` corrects it"
        ))
    });
    let found: Vec<_> = answers.buffer_unordered(AT_ONCE).collect().await;
    found.into_iter().flatten().collect()
}

fn server(store: &Store) -> String {
    store.name().map_or_else(|| "the first server".to_owned(), |name| format!("the server {name}"))
}

/// A look at one store.
struct Looking<'a> {
    database: &'a Database,
    store: &'a Arc<Store>,
    /// Whose rows should be here.
    tenants: Vec<&'a tenant::Model>,
    /// What the places of all tenants are called, wherever they are.
    known: &'a HashSet<String>,
    found: &'a mut Findings,
}

impl<'a> Looking<'a> {
    async fn look(mut self) -> Result<(), Error> {
        let shared = self.place(Spot::Shared);
        // The start-up check looks at the first one.
        if self.store.name().is_some() {
            let wrong = guard::examine_shared(&shared).await?.into_iter().filter(|check| !check.ok);
            self.found.places.extend(wrong.map(|check| format!("{}: {}", server(self.store), check.finding)));
        }
        let version = version(&shared).await?;
        for tenant in self.of(Isolation::Shared) {
            self.compare(tenant, version);
        }
        let (schemas, databases) = if self.store.is_sqlite() {
            (Vec::new(), files(self.store)?)
        } else {
            (names(&shared, SCHEMAS).await?, self.databases(&shared).await?)
        };
        self.schemas(&shared, &schemas).await?;
        self.own_databases(&databases).await;
        let kind = if self.store.is_sqlite() { "file" } else { "database" };
        let all = schemas.iter().map(|name| ("schema", name)).chain(databases.iter().map(|name| (kind, name)));
        let orphans = all.filter(|(_, name)| !self.known.contains(*name));
        let orphans = orphans.map(|(kind, name)| format!("the {kind} {name} on {} is no tenant's", server(self.store)));
        self.found.orphans.extend(orphans);
        Ok(())
    }

    fn place(&self, spot: Spot) -> Arc<Place> {
        self.database.place(self.store, spot)
    }

    fn of(&self, isolation: Isolation) -> Vec<&'a tenant::Model> {
        self.tenants.iter().copied().filter(|tenant| tenant.isolation == isolation).collect()
    }

    /// The databases of single tenants: those that are known, and those that are marked as this installation's.
    async fn databases(&self, shared: &Place) -> Result<Vec<String>, Error> {
        let mark = Site::new(self.database, Arc::clone(self.store), Spot::Shared).mark();
        let own: Vec<_> = self.of(Isolation::Database).into_iter().map(|tenant| own_name(tenant.id)).collect();
        let sql = format!(
            "SELECT datname::text FROM pg_database WHERE datname = ANY ('{{{}}}'::name[])
             OR datname ~ '^tenant_[0-9a-f]{{32}}$' AND shobj_description(oid, 'pg_database') = '{mark}'",
            own.join(",")
        );
        names(shared, &sql).await
    }

    /// The schemas of single tenants: a few queries for all of them.
    async fn schemas(&mut self, shared: &Place, there: &[String]) -> Result<(), Error> {
        let there: HashSet<_> = there.iter().collect();
        let own = self.of(Isolation::Schema).into_iter().map(|tenant| (own_name(tenant.id), tenant));
        let (own, missing): (Vec<_>, Vec<_>) = own.partition(|(name, _)| there.contains(name));
        self.found.places.extend(missing.iter().map(|(_, tenant)| is_missing(tenant, "schema")));
        for own in own.chunks(BATCH) {
            let names: Vec<_> = own.iter().map(|(name, _)| name.clone()).collect();
            let by_name: HashMap<_, _> = own.iter().map(|(name, tenant)| (name.as_str(), tenant)).collect();
            for (name, sentence) in guard::examine_schemas(shared, &names).await? {
                let slug = by_name.get(name.as_str()).map_or(name.as_str(), |tenant| tenant.slug.as_str());
                self.found.places.push(format!("{slug}: {sentence}"));
            }
            let versions = schema_versions(shared, &names).await?;
            for (name, tenant) in own {
                self.compare(tenant, versions.get(name).copied().unwrap_or(0));
            }
        }
        Ok(())
    }

    /// The databases and files of single tenants: each is looked into by itself.
    async fn own_databases(&mut self, there: &[String]) {
        let there: HashSet<_> = there.iter().collect();
        let own = self.of(Isolation::Database).into_iter();
        let (own, missing): (Vec<_>, Vec<_>) = own.partition(|tenant| there.contains(&own_name(tenant.id)));
        let kind = if self.store.is_sqlite() { "file" } else { "database" };
        self.found.places.extend(missing.iter().map(|tenant| is_missing(tenant, kind)));
        let (database, store) = (self.database, self.store);
        let looks = stream::iter(own).map(move |tenant| look_into(database, store, tenant));
        let looked: Vec<_> = looks.buffer_unordered(AT_ONCE).collect().await;
        for (tenant, looked) in looked {
            match looked {
                Ok((wrong, version)) => {
                    self.found.places.extend(wrong.iter().map(|sentence| format!("{}: {sentence}", tenant.slug)));
                    self.compare(tenant, version);
                }
                Err(error) => self.found.places.push(format!("{} could not be looked at: {error}", tenant.slug)),
            }
        }
    }

    fn compare(&mut self, tenant: &tenant::Model, version: i64) {
        let noted = tenant.schema_version;
        if i64::from(noted) != version {
            let slug = &tenant.slug;
            self.found.versions.push(format!("{slug} is noted at version {noted}, its tables have {version}"));
        }
    }
}

type Looked<'a> = (&'a tenant::Model, Result<(Vec<String>, i64), Error>);

/// What is wrong in a tenant's own database, and which version it has.
async fn look_into<'a>(database: &Database, store: &Arc<Store>, tenant: &'a tenant::Model) -> Looked<'a> {
    let place = database.place(store, Spot::Database(tenant.id));
    let looked = async { Ok((guard::examine_place(&place).await?, version(&place).await?)) };
    (tenant, looked.await)
}

fn is_missing(tenant: &tenant::Model, kind: &str) -> String {
    format!("{}: its {kind} {} is missing", tenant.slug, own_name(tenant.id))
}

const SCHEMAS: &str = "SELECT nspname::text FROM pg_namespace WHERE nspname ~ '^tenant_[0-9a-f]{32}$'";

async fn rows(place: &Place, sql: &str) -> Result<Vec<QueryResult>, Error> {
    Lease::read_alone(place, Statement::from_string(place.backend(), sql), Keys::default()).await
}

async fn names(place: &Place, sql: &str) -> Result<Vec<String>, Error> {
    rows(place, sql).await?.iter().map(|row| row.try_get_by_index(0).map_err(internal)).collect()
}

/// How many migrations the place's own ledger has.
async fn version(place: &Place) -> Result<i64, Error> {
    let counted = rows(place, &format!("SELECT count(*) FROM {}", TENANT.ledger)).await?;
    counted.first().map_or(Ok(0), |row| row.try_get_by_index(0)).map_err(internal)
}

/// The same for many schemas at once. Those without a ledger are left out.
async fn schema_versions(shared: &Place, schemas: &[String]) -> Result<HashMap<String, i64>, Error> {
    let ledger = TENANT.ledger;
    let with_ledger = names(
        shared,
        &format!(
            "SELECT n.nspname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relname = '{ledger}' AND n.nspname = ANY ('{{{}}}'::name[])",
            schemas.join(",")
        ),
    )
    .await?;
    let counts: Vec<_> =
        with_ledger.iter().map(|name| format!("SELECT '{name}', count(*) FROM {name}.{ledger}")).collect();
    if counts.is_empty() {
        return Ok(HashMap::new());
    }
    let counted = rows(shared, &counts.join(" UNION ALL ")).await?;
    let count = |row: &QueryResult| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
    counted.iter().map(count).collect::<Result<_, _>>().map_err(internal)
}

/// The files of single tenants, by what their places are called.
fn files(store: &Store) -> Result<Vec<String>, Error> {
    let Some(directory) = store.tenant_file(Uuid::nil()).and_then(|file| file.parent().map(Path::to_owned)) else {
        return Ok(Vec::new());
    };
    let entries = match std::fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::Unavailable(format!("the tenants' directory: {error}"))),
    };
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        let name = name.strip_suffix(".db")?;
        let id = name.strip_prefix("tenant_").filter(|id| id.len() == 32)?;
        Uuid::try_parse(id).ok().map(own_name)
    };
    Ok(entries.filter_map(name).collect())
}
