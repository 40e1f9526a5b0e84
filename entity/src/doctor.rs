//! `doctor`: proves on the running database that isolation holds, and says what does not.

mod cache;
mod keys;
mod places;

use std::sync::Arc;

use sea_orm::{DbBackend, EntityTrait, FromQueryResult, QueryTrait, Statement, StatementBuilder};
use uuid::Uuid;

use crate::connection::{Access, Binding, Lease};
use crate::database::{Database, OpenError, connect};
use crate::entities::{tenant, user};
use crate::error::{Error, Keys, internal};
use crate::filter::Filter;
use crate::guard;
use crate::migrate;
use crate::resource::now;
use crate::rows::Rows;
use crate::session::TenantAccess;
use crate::settings::DatabaseSettings;
use crate::vocabulary::{Domains, Isolation, Limits, Role, TenantStatus};
use crate::{NewUser, UserChanges};

/// Findings of one kind that are told one by one.
const TOLD: usize = 20;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at, in a word or two.
    pub name: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// A sentence: what holds, or what does not.
    pub finding: String,
}

impl Check {
    /// A check that found these things wrong, or else that all is fine.
    pub(crate) fn new(name: &str, wrong: Vec<String>, fine: &str) -> Self {
        let ok = wrong.is_empty();
        let finding = if ok { fine.to_owned() } else { wrong.join("; ") };
        Self { name: name.to_owned(), ok, finding }
    }
}

/// Looks at everything that isolation rests on. An error means that it could not look.
pub async fn examine(settings: &DatabaseSettings) -> Result<Vec<Check>, OpenError> {
    let database = connect(settings)?;
    let pending = migrate::pending(&database).await?;
    if pending.is_any() {
        return Err(OpenError::NotMigrated(pending));
    }
    let mut checks = guard::examine(&database).await?;
    match places::examine(&database).await {
        Ok(places) => checks.extend(places),
        Err(error) => checks.push(tried("places", Err(error))),
    }
    match keys::examine(&database).await {
        Ok(keys) => checks.extend(keys),
        Err(error) => checks.push(tried("data keys", Err(error))),
    }
    checks.push(tried("canary", canary(&database).await));
    if database.serving.backend() == DbBackend::Postgres {
        checks.push(tried("policy canary", policy_canary(&database).await));
    }
    checks.push(tried("cache", cache::examine(&database).await));
    Ok(checks)
}

/// Every tenant of the catalog.
async fn tenants(database: &Database) -> Result<Vec<tenant::Model>, Error> {
    let statement = StatementBuilder::build(&tenant::Entity::find().into_query(), &database.platform.backend());
    let rows = Lease::read_alone(&database.platform, statement, Keys::default()).await?;
    rows.iter().map(|row| tenant::Model::from_query_result(row, "").map_err(internal)).collect()
}

/// Findings of one kind, the first ones of very many.
fn told(mut findings: Vec<String>) -> Vec<String> {
    let more = findings.len().saturating_sub(TOLD);
    if more > 0 {
        findings.truncate(TOLD);
        findings.push(format!("and {more} more"));
    }
    findings
}

/// A canary that cannot even be tried proves nothing, and must not hide what the other checks found.
fn tried(name: &str, check: Result<Check, Error>) -> Check {
    check.unwrap_or_else(|error| Check::new(name, vec![format!("could not be tried: {error}")], ""))
}

/// A row of one throw-away tenant, and another throw-away tenant that tries to get at it by every operation.
async fn canary(database: &Database) -> Result<Check, Error> {
    let (owner, stranger) = (throw_away(database), throw_away(database));
    let row = owner.users().insert(canary_user()).await?;
    let wrong = trespass(&stranger, &row).await;
    let survived = owner.users().get(row.id).await;
    owner.users().delete_many(Filter::all()).await?;
    for tenant in [&owner, &stranger] {
        Rows::new(tenant.id(), &database.serving).drop_tally().await?;
    }
    let mut wrong = wrong?;
    if survived?.as_ref() != Some(&row) {
        wrong.push("the row of one tenant was changed by another".to_owned());
    }
    Ok(Check::new("canary", wrong, "of two throw-away tenants, neither reads, changes or deletes the other's row"))
}

async fn trespass(stranger: &TenantAccess, row: &user::Model) -> Result<Vec<String>, Error> {
    let users = stranger.users();
    let this = || Filter::eq(user::Column::Id, row.id);
    let rename = || UserChanges { name: Some("trespasser".to_owned()), ..UserChanges::default() };
    let attempts = [
        ("get", users.get(row.id).await?.is_some()),
        ("list", !users.list(this().or(Filter::all())).slice(None, 10).await?.rows.is_empty()),
        ("count", users.count(Filter::all()).await? > 0),
        ("update", users.update(row.id, Filter::all(), rename()).await?.is_some()),
        ("bulk update", users.update_many(Filter::all(), rename()).await? > 0),
        ("delete", users.delete(row.id, Filter::all()).await?),
        ("bulk delete", users.delete_many(this()).await? > 0),
    ];
    let worked = attempts.iter().filter(|(_, worked)| *worked);
    Ok(worked.map(|(attempt, _)| format!("another tenant's {attempt} reached the row")).collect())
}

/// The same without the first lock: statements that name no tenant, on a transaction bound to the stranger. Rolled back.
async fn policy_canary(database: &Database) -> Result<Check, Error> {
    let place = &database.serving;
    let (owner, stranger) = (Uuid::now_v7(), Uuid::now_v7());
    let mut lease = Lease::begin(place, Access::Write, Binding::Tenant(owner)).await?;
    lease.run(&insert_user(owner)).await?;
    let mut wrong = Vec::new();
    for (bound, who) in [(stranger.to_string(), "another tenant"), (String::new(), "nobody")] {
        lease.run(&format!("SET LOCAL {} = '{bound}'", migration::access::TENANT_SETTING)).await?;
        for sql in ["UPDATE users SET name = name", "DELETE FROM users"] {
            if affected(&mut lease, sql).await? > 0 {
                wrong.push(format!("a transaction bound to {who} reaches rows of others with {sql}"));
            }
        }
        let read = Statement::from_string(lease.backend(), "SELECT 1 FROM users LIMIT 1");
        if !lease.rows(read, Keys::default()).await?.is_empty() {
            wrong.push(format!("a transaction bound to {who} reads rows of others"));
        }
        lease.run("SAVEPOINT foreign_insert").await?;
        if lease.run(&insert_user(owner)).await.is_ok() {
            wrong.push(format!("a transaction bound to {who} inserts rows for others"));
        }
        lease.run("ROLLBACK TO SAVEPOINT foreign_insert").await?;
    }
    lease.roll_back().await;
    let fine = "statements that name no tenant reach only the bound tenant's rows, and none when no tenant is bound";
    Ok(Check::new("policy canary", wrong, fine))
}

async fn affected(lease: &mut Lease, sql: &str) -> Result<u64, Error> {
    let statement = Statement::from_string(lease.backend(), sql);
    lease.affected(statement, Keys::default()).await
}

fn insert_user(tenant: Uuid) -> String {
    let id = Uuid::now_v7();
    format!(
        "INSERT INTO users (tenant_id, id, name, name_folded, email, email_folded, role, version, created_at, updated_at)
         VALUES ('{tenant}', '{id}', 'canary', 'canary', '{id}@example.com', '{id}@example.com', 'viewer', 1, now(), now())"
    )
}

fn canary_user() -> NewUser {
    NewUser {
        tenant_id: None,
        id: None,
        name: "canary".to_owned(),
        email: "canary@example.com".to_owned(),
        role: Role::Viewer,
        created_at: None,
    }
}

/// A tenant that is in no catalog.
fn throw_away(database: &Database) -> TenantAccess {
    let id = Uuid::now_v7();
    let tenant = tenant::Model {
        id,
        slug: "canary".to_owned(),
        name: "canary".to_owned(),
        name_folded: "canary".to_owned(),
        status: TenantStatus::Active,
        isolation: Isolation::Shared,
        suspended: false,
        datastore: None,
        domains: Domains::default(),
        limits: Limits::default(),
        schema_version: 0,
        version: 1,
        created_at: now(),
        updated_at: now(),
        writes_held: false,
    };
    TenantAccess::new(tenant, Arc::clone(&database.serving), database)
}
