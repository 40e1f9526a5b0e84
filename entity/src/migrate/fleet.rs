//! Tenants with tables of their own, many at a time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sea_orm::sea_query::{Expr, OnConflict, Order};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DbErr, EntityTrait, FromQueryResult, IdenStatic, QueryFilter, QueryOrder,
    QueryResult, QuerySelect, QueryTrait, Select, StatementBuilder,
};
use uuid::Uuid;

use super::{Options, Report, TenantFailure, Watch};
use crate::connection::{Access, Binding, Lease};
use crate::database::Database;
use crate::entities::{tenant, tenant_version};
use crate::error::{Error, Keys, internal};
use crate::gatekeeper::TenantName;
use crate::owner::{Owner, Site, TenantLock};
use crate::place::Spot;
use crate::platform::{newest_schema, tenant_by_id};
use crate::resource::now;
use crate::vocabulary::{Isolation, TenantStatus, WorkState};

/// How long to wait for whoever else works on a tenant's place.
const LOCKED: Duration = Duration::from_secs(10);

/// Brings up every tenant whose tables lack something. One query says which those are, and that there are none.
pub(super) async fn migrate(
    database: &Database,
    options: &Options,
    watch: &dyn Watch,
    away: &[String],
    report: &mut Report,
) -> Result<(), Error> {
    let mut behind = behind(database, options).await?;
    report.tenants = behind.len() as u64;
    if options.dry_run || behind.is_empty() {
        return Ok(());
    }
    let run =
        Run { database, watch, total: report.tenants, state: Mutex::default(), most_failures: options.most_failures };
    let canary = options.canary.as_deref();
    let first = canary.and_then(|canary| behind.iter().position(|tenant| is_named(tenant, canary)));
    let canary_is_away = first.is_some_and(|at| is_away(&behind[at], away));
    let first = first.and_then(|at| behind.remove(at));
    behind.retain(|tenant| !is_away(tenant, away));
    if !canary_is_away {
        run.all(first, behind, workers(database, options)).await;
    }
    let state = run.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.migrated = state.migrated;
    report.left = report.tenants - state.migrated - state.failed.len() as u64;
    report.failed.extend(state.failed);
    Ok(())
}

/// Every name that was given must be a tenant's: a slip of the pen must not look like success. A canary needs tables of its own
/// to try.
pub(super) async fn check_names(database: &Database, options: &Options) -> Result<(), Error> {
    let names: Vec<_> = options.tenants.iter().chain(&options.canary).cloned().collect();
    if names.is_empty() {
        return Ok(());
    }
    let found = known(database, &names).await?;
    let named = |name: &str| found.iter().find(|known| known.slug == name || known.id.to_string() == name);
    if let Some(unknown) = names.iter().find(|name| named(name).is_none()) {
        return Err(Error::NotPossible(format!("there is no tenant {unknown:?}")));
    }
    match options.canary.as_deref().and_then(named) {
        Some(tenant) if tenant.isolation == Isolation::Shared => {
            Err(Error::NotPossible(format!("{} shares its tables with others: it can be no canary", tenant.slug)))
        }
        _ => Ok(()),
    }
}

/// What every version of the catalog knows of a tenant: names are checked before anything is migrated.
struct Known {
    id: Uuid,
    slug: String,
    isolation: Isolation,
}

async fn known(database: &Database, names: &[String]) -> Result<Vec<Known>, Error> {
    let columns = [tenant::Column::Id, tenant::Column::Slug, tenant::Column::Isolation];
    let find = tenant::Entity::find().select_only().columns(columns).filter(named(names));
    let statement = StatementBuilder::build(&find.into_query(), &database.platform.backend());
    let rows = Lease::read_alone(&database.platform, statement, Keys::default()).await?;
    let known = |row: &QueryResult| -> Result<Known, DbErr> {
        let [id, slug, isolation] = columns.map(|column| column.as_str());
        Ok(Known { id: row.try_get("", id)?, slug: row.try_get("", slug)?, isolation: row.try_get("", isolation)? })
    };
    rows.iter().map(|row| known(row).map_err(internal)).collect()
}

/// The tenants whose own tables lack a migration, oldest first.
async fn behind(database: &Database, options: &Options) -> Result<VecDeque<tenant::Model>, Error> {
    let mut find = tenant::Entity::find()
        .filter(tenant::Column::SchemaVersion.lt(newest_schema()))
        .filter(tenant::Column::Isolation.ne(Isolation::Shared.as_str()))
        .filter(tenant::Column::Status.ne(TenantStatus::Provisioning.as_str()));
    if !options.tenants.is_empty() {
        let only: Vec<_> = options.tenants.iter().chain(&options.canary).cloned().collect();
        find = find.filter(named(&only));
    }
    fetch(database, find.order_by(tenant::Column::Id, Order::Asc)).await
}

async fn fetch(database: &Database, find: Select<tenant::Entity>) -> Result<VecDeque<tenant::Model>, Error> {
    let statement = StatementBuilder::build(&find.into_query(), &database.platform.backend());
    let rows = Lease::read_alone(&database.platform, statement, Keys::default()).await?;
    rows.iter().map(|row| tenant::Model::from_query_result(row, "").map_err(internal)).collect()
}

/// Those with one of these slugs or ids.
fn named(names: &[String]) -> Condition {
    let ids = names.iter().filter_map(|name| match TenantName::parse(name) {
        TenantName::Id(id) => Some(id),
        _ => None,
    });
    let slugs = names.iter().map(String::as_str);
    Condition::any().add(tenant::Column::Id.is_in(ids)).add(tenant::Column::Slug.is_in(slugs))
}

fn is_named(tenant: &tenant::Model, name: &str) -> bool {
    tenant.slug == name || matches!(TenantName::parse(name), TenantName::Id(id) if id == tenant.id)
}

fn is_away(tenant: &tenant::Model, away: &[String]) -> bool {
    tenant.datastore.as_ref().is_some_and(|datastore| away.contains(datastore))
}

/// How many tenants at a time: whoever came on top of these would only wait for the others to end.
fn workers(database: &Database, options: &Options) -> usize {
    options.concurrency.clamp(1, database.connections.most_works())
}

struct Run<'a> {
    database: &'a Database,
    watch: &'a dyn Watch,
    total: u64,
    most_failures: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    migrated: u64,
    failed: Vec<TenantFailure>,
}

impl Run<'_> {
    /// The canary first, and alone; if it dies, nobody else goes in.
    async fn all(&self, canary: Option<tenant::Model>, behind: VecDeque<tenant::Model>, workers: usize) {
        self.work(&Mutex::new(canary.into_iter().collect())).await;
        if self.failures() == 0 {
            let queue = Mutex::new(behind);
            let workers: FuturesUnordered<_> = (0..workers).map(|_| self.work(&queue)).collect();
            workers.collect::<Vec<()>>().await;
        }
    }

    /// Takes one tenant after the other until there are no more, or too many have failed.
    async fn work(&self, queue: &Mutex<VecDeque<tenant::Model>>) {
        let mut spare = None;
        while self.failures() < self.most_failures {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(tenant) = next else { return };
            self.database.settings.steps.reach("tenant begun").await;
            let outcome = bring_up(self.database, &tenant, &mut spare).await;
            self.note(&tenant, outcome.err());
        }
    }

    fn note(&self, tenant: &tenant::Model, error: Option<Error>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let error = error.map(|error| error.to_string());
        match &error {
            None => state.migrated += 1,
            Some(error) => {
                state.failed.push(TenantFailure { tenant: tenant.slug.clone(), error: error.clone() });
            }
        }
        let done = state.migrated + state.failed.len() as u64;
        drop(state);
        self.watch.tenant_done(done, self.total, &tenant.slug, error.as_deref());
    }

    fn failures(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).failed.len()
    }
}

/// Brings one tenant's tables up, and notes in the ledger how that went. `spare` is a connection for its lock, which is given
/// back.
pub(crate) async fn bring_up(
    database: &Database,
    tenant: &tenant::Model,
    spare: &mut Option<Owner>,
) -> Result<(), Error> {
    let mut lock = TenantLock::take(database, tenant.id, LOCKED, spare).await?;
    let outcome = bring_up_locked(database, tenant.id, &mut lock).await;
    *spare = lock.release().await;
    outcome
}

async fn bring_up_locked(database: &Database, id: Uuid, lock: &mut TenantLock) -> Result<(), Error> {
    // Whoever had the lock before may have moved the tenant.
    let Some(tenant) = tenant_by_id(database, id).await? else { return Ok(()) };
    if tenant.schema_version >= newest_schema() {
        return Ok(());
    }
    let started_at = now();
    let row = |state, version, error| ledger_row(tenant.id, started_at, state, version, error);
    note(database, row(WorkState::Running, newest_schema(), None), None).await?;
    database.settings.steps.reach("tenant noted").await;
    match raise(database, &tenant, lock).await {
        Ok(version) => {
            database.settings.steps.reach("tenant raised").await;
            note(database, row(WorkState::Done, version, None), Some(version)).await
        }
        Err(error) => {
            note(database, row(WorkState::Failed, tenant.schema_version, Some(error.to_string())), None).await?;
            Err(error)
        }
    }
}

/// Notes that a tenant lacks nothing, unless the ledger says so already.
pub(crate) async fn note_current(database: &Database, tenant: &tenant::Model) -> Result<(), Error> {
    let row = ledger_row(tenant.id, now(), WorkState::Done, tenant.schema_version, None);
    let mut insert = tenant_version::Entity::insert(row).into_query();
    let mut replace = replacing();
    replace.action_and_where(tenant_version::Column::State.ne(WorkState::Done.as_str()));
    insert.on_conflict(replace);
    let mut lease = Lease::begin(&database.platform, Access::Write, Binding::Nobody).await?;
    lease.affected(StatementBuilder::build(&insert, &database.platform.backend()), Keys::default()).await?;
    lease.commit().await
}

fn ledger_row(
    tenant: Uuid,
    started_at: DateTime<Utc>,
    state: WorkState,
    version: i32,
    error: Option<String>,
) -> tenant_version::ActiveModel {
    tenant_version::ActiveModel {
        tenant_id: Set(tenant),
        version: Set(version),
        state: Set(state),
        started_at: Set(started_at),
        ended_at: Set((state != WorkState::Running).then(now)),
        error: Set(error),
    }
}

/// The ledger has one row of each tenant.
fn replacing() -> OnConflict {
    use tenant_version::Column;
    let mut replace = OnConflict::column(Column::TenantId);
    replace.update_columns([Column::Version, Column::State, Column::StartedAt, Column::EndedAt, Column::Error]);
    replace
}

async fn raise(database: &Database, tenant: &tenant::Model, lock: &mut TenantLock) -> Result<i32, Error> {
    let store = database.store(tenant.datastore.as_deref())?;
    let site = Site::new(database, Arc::clone(&store), Spot::of(tenant.isolation, tenant.id));
    let mut own = None;
    let base = Owner::beside(database, &store, lock, &mut own).await?;
    // Something that is lost must not come back empty.
    if !site.exists(base).await? {
        return Err(Error::NoPlace("its schema, database or file is missing".to_owned()));
    }
    let version = site.raise(base).await?;
    Ok(i32::try_from(version).unwrap_or(i32::MAX))
}

/// Writes the ledger's row and, with it, the version that the tenant is served by.
async fn note(database: &Database, row: tenant_version::ActiveModel, version: Option<i32>) -> Result<(), Error> {
    let tenant_id = row.tenant_id.clone().unwrap();
    let mut ledger = tenant_version::Entity::insert(row).into_query();
    ledger.on_conflict(replacing());
    let backend = database.platform.backend();
    let mut lease = Lease::begin(&database.platform, Access::Write, Binding::Nobody).await?;
    lease.affected(StatementBuilder::build(&ledger, &backend), Keys::default()).await?;
    if let Some(version) = version {
        let update = tenant::Entity::update_many()
            .col_expr(tenant::Column::SchemaVersion, Expr::val(version))
            .filter(tenant::Column::Id.eq(tenant_id))
            .into_query();
        lease.affected(StatementBuilder::build(&update, &backend), Keys::default()).await?;
    }
    lease.commit().await
}
