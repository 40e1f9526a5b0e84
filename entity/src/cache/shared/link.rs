//! A connection to one run of the Redis server, and what is asked through it.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{self, FromRedisValue, RedisError, Script};
use deadpool_redis::{Connection, Pool};
use tokio::time::timeout;
use uuid::Uuid;

use super::super::{Answer, Area, Found, Question, Seat, Stamp};
use crate::redis::PATIENCE;

/// A process that was not heard for this long may be writing without being heard: the others stop to use the cache.
pub(super) const OVERDUE: Duration = Duration::from_millis(300);

/// How long after it asked a process may use the cache.
pub(super) const GRANT: Duration = Duration::from_millis(300);

/// A process that was not heard for this long, while others were, is taken to be dead.
const DEAD: Duration = Duration::from_secs(5);

/// A server that has started, or is not the one of before, is not used for this long: processes that wrote meanwhile must be back
/// first.
const WARM: Duration = Duration::from_secs(2);

/// How long a stamp is remembered. A forgotten one only costs what was kept under it.
const STAMPS: Duration = Duration::from_secs(3_600);

static BEAT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("beat.lua")));
static LOOK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("look.lua")));
static WITHDRAW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("withdraw.lua")));
static WRITE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("write.lua")));

/// Why Redis cannot be used for now.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("it does not answer")]
    Silent,
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error("{0}")]
    Other(String),
}

/// A connection to one run of the server. All keys begin with the run: what a server brings back from a snapshot when it starts is
/// of another run, and is not found.
#[derive(Clone)]
pub(in crate::cache) struct Link {
    connection: MultiplexedConnection,
    /// What the keys of this installation begin with in all runs.
    installation: Arc<str>,
    run: Arc<str>,
    /// What they begin with in this run.
    prefix: Arc<str>,
    /// What those of answers begin with: programs of other versions of the tables understand other rows.
    answers: Arc<str>,
    /// When the server started, by its own clock, in milliseconds.
    started: u64,
    /// The server's clock as it was read at this moment, or before it.
    clock: (u64, Instant),
}

impl Link {
    pub(super) async fn connect(pool: &Pool, installation: &str) -> Result<Self, Trouble> {
        let connected = within(async { pool.get().await.map_err(|error| Trouble::Other(error.to_string())) }).await?;
        // Out of the pool: it is used by many at once, and thrown away at the first trouble.
        let mut connection = Connection::take(connected);
        let info: String =
            within(async { Ok(redis::cmd("INFO").arg("server").query_async(&mut connection).await?) }).await?;
        let (seconds, micros): (u64, u64) =
            within(async { Ok(redis::cmd("TIME").query_async(&mut connection).await?) }).await?;
        let clock = (seconds * 1_000 + micros / 1_000, Instant::now());
        let field =
            |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
        let run = field("run_id").and_then(|run| run.get(..16)).map(Arc::<str>::from);
        let run = run.ok_or_else(|| Trouble::Other("it does not say which run it is".to_owned()))?;
        let uptime: u64 = field("uptime_in_seconds").and_then(|text| text.parse().ok()).unwrap_or(0);
        let started = (seconds - uptime.min(seconds)) * 1_000;
        let installation = Arc::<str>::from(format!("tenantry:{{{installation}}}:"));
        let prefix = Arc::<str>::from(format!("{installation}{run}:"));
        let answers = format!("{prefix}{}.{}:", migration::CATALOG.newest(), migration::TENANT.newest());
        Ok(Self { connection, installation, run, prefix, answers: answers.into(), started, clock })
    }

    /// Whether it is the same connection's.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.clock == other.clock && self.prefix == other.prefix
    }

    /// Says that `who` is there. Answers whether it may use the cache. With an epoch, nothing that was kept before is found again.
    pub(super) async fn beat(&self, who: &str, epoch: Option<&str>) -> Result<bool, Trouble> {
        let (server, read) = self.clock;
        // The clock was at least there when its answer came, so this is no later than it is there when nobody waits any more.
        let deadline = server + millis(read.elapsed()) + millis(PATIENCE);
        let mut call = BEAT.prepare_invoke();
        call.key(self.key("members")).key(self.key("seen")).key(self.key("epoch"));
        call.key(self.key("since")).key(format!("{}run", self.installation));
        call.arg(who).arg(deadline).arg(epoch.unwrap_or_default());
        call.arg(millis(OVERDUE)).arg(millis(DEAD)).arg(millis(WARM)).arg(self.started).arg(&*self.run);
        let (answer, _): (i64, u64) = self.invoke(&call).await?;
        if answer < 0 { Err(Trouble::Silent) } else { Ok(answer == 1) }
    }

    /// Says that `who` goes, and that this is nothing to wonder about.
    pub(super) async fn farewell(&self, who: &str) -> Result<(), Trouble> {
        let mut connection = self.connection.clone();
        let members = self.key("members");
        within(async { Ok(redis::cmd("ZREM").arg(members).arg(who).query_async(&mut connection).await?) }).await
    }

    pub(super) async fn look(&self, area: &Area, question: Question) -> Result<Found, Trouble> {
        let mut call = LOOK.prepare_invoke();
        call.key(self.key("epoch")).key(self.key(&format!("stamp:{area}"))).key(self.key(&format!("writers:{area}")));
        call.arg(token()).arg(millis(STAMPS)).arg(&*self.answers).arg(format!("{area}:{question}"));
        let (stamp, answer): (Option<String>, Option<Vec<u8>>) = match self.invoke::<Vec<redis::Value>>(&call).await? {
            found if found.is_empty() => (None, None),
            found => redis::from_redis_value(redis::Value::Array(found)).map_err(RedisError::from)?,
        };
        Ok(match (stamp, answer) {
            (None, _) => Found::Bypass,
            (Some(_), Some(answer)) => Found::Answer(Answer::Text(answer.into())),
            (Some(stamp), None) => {
                let stamp = Stamp::Shared(format!("{}{stamp}", self.answers).into());
                Found::Nothing(Seat { area: area.clone(), question, stamp })
            }
        })
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Trouble> {
        let mut connection = self.connection.clone();
        within(async { Ok(redis::cmd("GET").arg(key).query_async(&mut connection).await?) }).await
    }

    pub(super) async fn set(&self, key: &str, value: &[u8], lifetime: Duration) -> Result<(), Trouble> {
        let mut connection = self.connection.clone();
        let mut set = redis::cmd("SET");
        set.arg(key).arg(value).arg("PX").arg(millis(lifetime).max(1));
        within(async { Ok(set.query_async(&mut connection).await?) }).await
    }

    /// Gives the areas new stamps, and answers with those from before. With a time, notes that `who` is going to commit within it; without,
    /// that it has.
    pub(super) async fn write(
        &self,
        areas: &[Area],
        who: &str,
        commit: Option<Duration>,
    ) -> Result<Vec<Option<String>>, Trouble> {
        let mut call = self.call(&WRITE, areas);
        // Its own name is a stamp that never was before; what it settles with is another.
        let stamp = if commit.is_some() { who.to_owned() } else { token() };
        call.arg(who).arg(stamp).arg(millis(STAMPS)).arg(commit.map_or(0, millis));
        self.invoke(&call).await
    }

    /// Says that `who` has written nothing, and gives the areas back the stamps from before, if they still have those that it gave them.
    pub(super) async fn withdraw(&self, areas: &[Area], who: &str, before: &[Option<String>]) -> Result<(), Trouble> {
        let mut call = self.call(&WITHDRAW, areas);
        call.arg(who).arg(millis(STAMPS));
        for stamp in before {
            call.arg(stamp.as_deref().unwrap_or_default());
        }
        self.invoke::<i64>(&call).await.map(|_| ())
    }

    /// A call that takes the stamp and the writers of each area.
    fn call<'s>(&self, script: &'s Script, areas: &[Area]) -> redis::ScriptInvocation<'s> {
        let mut call = script.prepare_invoke();
        for area in areas {
            call.key(self.key(&format!("stamp:{area}"))).key(self.key(&format!("writers:{area}")));
        }
        call
    }

    async fn invoke<T: FromRedisValue>(&self, call: &redis::ScriptInvocation<'_>) -> Result<T, Trouble> {
        let mut connection = self.connection.clone();
        within(async { Ok(call.invoke_async(&mut connection).await?) }).await
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// A stamp, or an epoch, that never was before.
pub(super) fn token() -> String {
    Uuid::now_v7().simple().to_string()
}

async fn within<T>(call: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    timeout(PATIENCE, call).await.unwrap_or(Err(Trouble::Silent))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
