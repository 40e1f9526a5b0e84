//! The cache, looked at from outside: that it can be reached, that no tenant finds another's answer in it, and that a change of the
//! catalog is heard.

use std::time::{Duration, Instant};

use sea_orm::{DbBackend, Statement};

use super::{Check, canary_user, throw_away};
use crate::cache::{Area, Question};
use crate::connection::Lease;
use crate::database::Database;
use crate::entities::tenant;
use crate::error::{Error, Keys, internal};
use crate::filter::Filter;
use crate::rows::Rows;
use crate::settings::CacheMode;
use crate::vocabulary::TenantStatus;

/// How long to wait for Redis: a server that has just started is not used at once, nor is one on which a process has died
/// before that one counts as gone.
const PATIENCE: Duration = Duration::from_secs(8);

/// How often to look.
const LOOK: Duration = Duration::from_millis(20);

/// Looks at the cache as a serving process does.
pub(super) async fn examine(database: &Database) -> Result<Check, Error> {
    if database.settings.cache.mode == CacheMode::Off {
        return Ok(Check::new("cache", Vec::new(), "it is off"));
    }
    database.tend_cache();
    let began = Instant::now();
    while !database.cache.is_usable() && began.elapsed() < PATIENCE {
        tokio::time::sleep(LOOK).await;
    }
    let wrong = if database.cache.is_usable() {
        tried(database).await
    } else {
        Ok(vec!["Redis cannot be used at REDIS_URL, because it does not answer or refuses, or a process that used it is cut off from it: \
                 requests are served without the cache".to_owned()])
    };
    database.leave_cache().await;
    Ok(Check::new("cache", wrong?, "no tenant finds another's answer in it, and a change of the catalog is heard"))
}

async fn tried(database: &Database) -> Result<Vec<String>, Error> {
    let mut wrong = trespass(database).await?;
    wrong.extend(uncounted(database).await?);
    if served_suspended(database).await? {
        wrong.push("a tenant that was suspended is still found active".to_owned());
    }
    Ok(wrong)
}

/// A row that one throw-away tenant has read, and another one that asks for the same.
async fn trespass(database: &Database) -> Result<Vec<String>, Error> {
    let (owner, stranger) = (throw_away(database), throw_away(database));
    let row = owner.users().insert(canary_user()).await?;
    let read = async {
        let own = (owner.users().get(row.id).await?, owner.users().get(row.id).await?);
        let strange = stranger.users().get(row.id).await?;
        Ok::<_, Error>((own, strange))
    };
    let read = read.await;
    owner.users().delete_many(Filter::all()).await?;
    Rows::new(owner.id(), &database.serving).drop_tally().await?;
    let (own, strange) = read?;
    let mut wrong = Vec::new();
    if own != (Some(row.clone()), Some(row.clone())) {
        wrong.push("a row is not read as it was written".to_owned());
    }
    if strange.is_some() {
        wrong.push("a tenant finds another's row in the cache".to_owned());
    }
    if owner.users().get(row.id).await?.is_some() {
        wrong.push("a row that was deleted is still found".to_owned());
    }
    Ok(wrong)
}

/// Tables of which changes are not counted: other processes would believe what they know for longer than is said.
async fn uncounted(database: &Database) -> Result<Vec<String>, Error> {
    let catalog = &database.platform;
    if catalog.backend() != DbBackend::Postgres {
        return Ok(Vec::new());
    }
    let statement = Statement::from_string(catalog.backend(), UNCOUNTED);
    let rows = Lease::read_alone(catalog, statement, Keys::default()).await?;
    rows.iter().map(|row| row.try_get_by_index(0).map_err(internal)).collect()
}

const UNCOUNTED: &str = "
    SELECT 'changes of the table ' || name || ' are not counted, because its trigger count_change is missing or disabled: '
        || 'processes without Redis notice a suspension only after CACHE_TTL'
    FROM unnest(ARRAY['tenants', 'tenant_domains']) AS name
    WHERE NOT EXISTS (
        SELECT FROM pg_trigger t
        WHERE t.tgrelid = to_regclass(name) AND t.tgname = 'count_change' AND t.tgenabled IN ('O', 'A'))";

/// Whether somebody who asks for a tenant after a change of the catalog still gets the answer from before it.
async fn served_suspended(database: &Database) -> Result<bool, Error> {
    let active = throw_away(database).tenant().clone();
    let suspended = tenant::Model { status: TenantStatus::Suspended, ..active.clone() };
    let ask = async |now: &tenant::Model| {
        let question = Question::names([b"canary".as_slice(), active.id.as_bytes()]);
        database.cache.read(Area::Names, question, || async { Ok(now.clone()) }).await
    };
    ask(&active).await?;
    database.cache.clear(vec![Area::Names]).await;
    Ok(ask(&suspended).await?.status != TenantStatus::Suspended)
}
