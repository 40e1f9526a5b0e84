//! Tenants with tables of their own: brought up many at a time, whatever happens to some of them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Own, TestDatabase};
use tokio::task::JoinHandle;

use crate::support::{Request, Server, Shell, on_both_databases, wait_for};

on_both_databases! {
    every_tenant_that_is_behind_is_brought_up,
    one_that_fails_is_named_and_the_others_go_on,
    only_those_that_are_asked_for_are_brought_up,
    a_canary_that_fails_is_the_only_one_touched,
    it_stops_after_so_many_failures,
    two_at_once_do_each_tenant_once,
    a_run_that_is_killed_is_taken_up_by_the_next,
    nothing_to_do_is_quick_with_many_tenants,
}

/// Tenants with places of their own, each one version behind.
struct Fleet {
    database: TestDatabase,
    shell: Shell,
    tenants: Vec<Tenant>,
}

#[derive(Clone)]
struct Tenant {
    own: Own,
    id: String,
    slug: String,
}

impl Fleet {
    /// At least so many, of each kind that there can be.
    async fn behind(database: TestDatabase, count: usize) -> Self {
        let mut fleet = Self { shell: Shell::on(&database), tenants: Vec::new(), database };
        for number in 0..count {
            for own in fleet.database.own_places() {
                let slug = format!("{}-{number}", own.isolation());
                let made =
                    fleet.shell.prints_json(&format!("tenant create {slug} --isolation {} --json", own.isolation()));
                let id = made["id"].as_str().expect("an id").to_owned();
                fleet.database.set_back(*own, &id).await;
                fleet.tenants.push(Tenant { own: *own, id, slug });
            }
        }
        fleet
    }

    fn size(&self) -> usize {
        self.tenants.len()
    }

    async fn obstruct(&self, tenant: &Tenant) {
        self.database.obstruct(tenant.own, &tenant.id).await;
    }

    async fn repair(&self, tenant: &Tenant) {
        self.database.repair(tenant.own, &tenant.id).await;
    }

    /// How many are of the newest version, by the catalog.
    async fn current(&self) -> usize {
        let current = "SELECT count(*) FROM tenants
                       WHERE schema_version = (SELECT count(*) FROM tenant_migrations) AND isolation <> 'shared'";
        usize::try_from(self.database.number(current).await).expect("a count")
    }

    /// Runs `migrate` with these options, and gives its report.
    fn migrate(&self, options: &str, status: i32) -> Value {
        let outcome = self.shell.run(&format!("migrate --json {options}")).exited(status);
        serde_json::from_str(&outcome.out()).expect("a report")
    }

    /// The counts of a report: behind, migrated, failed, left.
    fn counts(report: &Value) -> [usize; 4] {
        let number = |name: &str| usize::try_from(report[name].as_u64().expect("a number")).expect("a count");
        let failed = report["failed"].as_array().expect("a list").len();
        [number("tenants"), number("migrated"), failed, number("left")]
    }

    fn status(&self) -> Value {
        self.shell.prints_json("migrate status --json")["fleet"].clone()
    }
}

async fn every_tenant_that_is_behind_is_brought_up(database: TestDatabase) {
    let fleet = Fleet::behind(database, 3).await;
    fleet.shell.prints("tenant create neighbour");
    let all = fleet.size();
    let newest = fleet.status()["newest"].as_i64().unwrap();
    let behind = json!([{"version": newest - 1, "state": "done", "tenants": all}]);
    assert_eq!(fleet.status()["versions"], behind);
    assert_eq!(fleet.shell.prints("migrate --dry-run"), format!("would migrate {all} tenants\n"));
    assert_eq!(fleet.status()["versions"], behind, "nothing was done");

    let outcome = fleet.shell.run("migrate").exited(0);
    assert_eq!(outcome.out(), format!("migrated {all} of {all} tenants\n"));
    let said = outcome.err();
    assert_eq!(said.lines().count(), all, "a line for each tenant: {said}");
    for tenant in &fleet.tenants {
        assert!(said.lines().any(|line| line.ends_with(&format!(" tenants: migrated {}", tenant.slug))), "{said}");
        let applied = "SELECT count(*) FROM tenant_migrations";
        assert_eq!(fleet.database.number_in(tenant.own, &tenant.id, applied).await, newest, "{}", tenant.slug);
        let made = "SELECT count(*) FROM departures";
        assert_eq!(fleet.database.number_in(tenant.own, &tenant.id, made).await, 0, "the table is there");
    }
    assert_eq!(fleet.status()["versions"], json!([{"version": newest, "state": "done", "tenants": all}]));
    assert_eq!(fleet.shell.prints("migrate"), "nothing to do: the tables are of the newest version\n");
}

async fn one_that_fails_is_named_and_the_others_go_on(database: TestDatabase) {
    let fleet = Fleet::behind(database, 2).await;
    let (broken, whole) = (&fleet.tenants[0], &fleet.tenants[1]);
    fleet.obstruct(broken).await;
    let outcome = fleet.shell.run("migrate").exited(1);
    let (out, err) = (outcome.out(), outcome.err());
    let all = fleet.size();
    assert!(out.contains(&format!("migrated {} of {all} tenants\n", all - 1)), "{out}");
    let named = |text: &str| {
        let line = text.lines().find(|line| line.contains(&format!("FAILED {}: ", broken.slug))).map(str::to_owned);
        assert!(line.is_some_and(|line| line.contains("departures")), "it is not said why:\n{text}");
    };
    named(&out);
    named(&err);
    named(&fleet.shell.prints("migrate status"));
    assert!(err.ends_with("tenantry: 1 failed: once that is repaired, the next run goes on from here\n"), "{err}");
    let failed = &fleet.status()["failed"];
    assert_eq!((failed.as_array().unwrap().len(), &failed[0]["tenant"]), (1, &json!(broken.slug)));

    let server = Server::start(Shell::on(&fleet.database));
    let read = |tenant: &Tenant| {
        let token = server.token(&format!("--tenant {} --role viewer", tenant.slug));
        server.send(Request::get("/v1/users").by(&token))
    };
    let answer = read(broken);
    answer.refuses(503, "tenant_not_ready");
    assert!(answer.header("retry-after").is_some());
    read(whole).is(200);

    fleet.repair(broken).await;
    assert_eq!(Fleet::counts(&fleet.migrate("", 0)), [1, 1, 0, 0], "the others are not done again");
    read(broken).is(200);
    assert_eq!(fleet.status()["failed"], json!([]));
}

async fn only_those_that_are_asked_for_are_brought_up(database: TestDatabase) {
    let fleet = Fleet::behind(database, 4).await;
    let (first, second) = (&fleet.tenants[0], &fleet.tenants[1]);
    let options = format!("--tenant {} --tenant {}", first.slug, second.id);
    assert_eq!(fleet.shell.prints(&format!("migrate --dry-run {options}")), "would migrate 2 tenants\n");
    assert_eq!(Fleet::counts(&fleet.migrate(&options, 0)), [2, 2, 0, 0]);
    assert_eq!(fleet.current().await, 2);
    for tenant in [first, second] {
        let shown = fleet.shell.prints_json(&format!("tenant show {} --json", tenant.slug));
        assert_eq!(shown["schema_version"], fleet.status()["newest"]);
    }
    let reason = fleet.shell.fails(&format!("migrate --tenant {} --tenant nobody", first.slug));
    assert_eq!(reason, "tenantry: there is no tenant \"nobody\"");
    assert_eq!(fleet.current().await, 2);
}

async fn a_canary_that_fails_is_the_only_one_touched(database: TestDatabase) {
    let fleet = Fleet::behind(database, 4).await;
    let all = fleet.size();
    let canary = fleet.tenants.last().unwrap();
    let options = format!("--canary {}", canary.slug);
    fleet.obstruct(canary).await;
    assert_eq!(Fleet::counts(&fleet.migrate(&options, 1)), [all, 0, 1, all - 1]);
    assert_eq!(fleet.current().await, 0);

    fleet.shell.prints("tenant create neighbour");
    let reason = fleet.shell.fails("migrate --canary neighbour");
    assert_eq!(reason, "tenantry: neighbour shares its tables with others: it can be no canary");
    // The shared tables lack something, so to speak: a slip of the pen must be noticed before they are touched.
    let rename = async |from: &str, to: &str| {
        let renaming = format!("UPDATE tenant_migrations SET version = '{to}' WHERE version = '{from}'");
        fleet.database.execute(&renaming).await;
    };
    rename("m0004_tallies", "m0004_aside").await;
    assert_eq!(fleet.shell.fails("migrate --canary nobody"), "tenantry: there is no tenant \"nobody\"");
    rename("m0004_aside", "m0004_tallies").await;
    assert_eq!(fleet.current().await, 0);

    fleet.repair(canary).await;
    let report = fleet.shell.run(&format!("migrate {options}")).exited(0);
    let first = report.err().lines().next().unwrap().to_owned();
    assert!(first.ends_with(&format!("migrated {}", canary.slug)), "the canary is first: {first}");
    assert_eq!(fleet.current().await, all);
    fleet.database.set_back(fleet.tenants[0].own, &fleet.tenants[0].id).await;
    assert_eq!(Fleet::counts(&fleet.migrate(&options, 0)), [1, 1, 0, 0], "one that lacks nothing has passed");
}

async fn it_stops_after_so_many_failures(database: TestDatabase) {
    let fleet = Fleet::behind(database, 4).await;
    let all = fleet.size();
    for tenant in &fleet.tenants[1..3] {
        fleet.obstruct(tenant).await;
    }
    let report = fleet.migrate("--concurrency 1 --max-failures 1", 1);
    assert_eq!(Fleet::counts(&report), [all, 1, 1, all - 2]);
    assert_eq!(report["failed"][0]["tenant"], fleet.tenants[1].slug.as_str());
    assert_eq!(fleet.current().await, 1);
    let said = fleet.shell.run("migrate --concurrency 1 --max-failures 1").exited(1);
    let left = format!("left {} of {} tenants alone\n", all - 2, all - 1);
    assert!(said.out().ends_with(&left), "{}", said.out());
    assert_eq!(Fleet::counts(&fleet.migrate("", 1)), [all - 1, all - 3, 2, 0], "ten are allowed otherwise");
}

async fn two_at_once_do_each_tenant_once(database: TestDatabase) {
    let fleet = Fleet::behind(database, 4).await;
    let both = [(); 2].map(|()| {
        let mut command = fleet.shell.command("migrate --json");
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary runs")
    });
    let mut migrated = 0;
    for one in both {
        let output = one.wait_with_output().expect("a child");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        migrated += Fleet::counts(&serde_json::from_slice(&output.stdout).expect("a report"))[1];
    }
    assert_eq!((migrated, fleet.current().await), (fleet.size(), fleet.size()));
}

async fn a_run_that_is_killed_is_taken_up_by_the_next(database: TestDatabase) {
    let fleet = Fleet::behind(database, 8).await;
    let mut command = fleet.shell.command("migrate --concurrency 1");
    let mut run = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the binary runs");
    let mut lines = BufReader::new(run.stderr.take().expect("a pipe")).lines();
    assert!(lines.nth(1).is_some(), "two tenants are done");
    run.kill().expect("it is there");
    run.wait().expect("a child");
    let (all, done) = (fleet.size(), fleet.current().await);
    assert!((2..=all).contains(&done), "{done} of {all}");

    assert_eq!(Fleet::counts(&fleet.migrate("", 0)), [all - done, all - done, 0, 0]);
    assert_eq!(fleet.current().await, all);
    let versions = fleet.status()["versions"].clone();
    assert_eq!((versions.as_array().unwrap().len(), &versions[0]["state"]), (1, &json!("done")), "{versions}");
}

/// Counts those who wait for a lock with a migration.
const WAITS: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'BEGIN; SET LOCAL client_min_messages%'";

/// Keeps migrations out of a tenant's schema for some seconds, beginning now.
async fn hold(fleet: &Arc<Fleet>, stuck: &Tenant, seconds: u32) -> JoinHandle<()> {
    assert_eq!(stuck.own, Own::Schema);
    let (holder, own, id) = (Arc::clone(fleet), stuck.own, stuck.id.clone());
    let held = tokio::spawn(async move {
        let sql = format!(
            "BEGIN; LOCK TABLE tenant_migrations IN SHARE ROW EXCLUSIVE MODE; SELECT pg_sleep({seconds}); COMMIT"
        );
        holder.database.execute_in(own, &id, &sql).await;
    });
    asleep(&fleet.database).await;
    held
}

/// A migration does not wait for a lock for long, because every request would queue behind it: it steps back and tries again.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_does_not_come_free_in_time_is_tried_for_again() {
    let fleet = Arc::new(Fleet::behind(TestDatabase::postgres().await, 1).await);
    let held = hold(&fleet, &fleet.tenants[0], 7).await;
    let mut run = fleet.shell.command("migrate").stdout(Stdio::null()).spawn().expect("the binary runs");
    tries_again(&fleet.database, &mut run).await;
    held.await.expect("no panic");
    assert!(run.wait().expect("a child").success());
    assert_eq!(fleet.current().await, fleet.size());
}

/// So do the tables that are there once.
#[tokio::test(flavor = "multi_thread")]
async fn shared_tables_whose_lock_does_not_come_free_are_tried_for_again() {
    let database = Arc::new(TestDatabase::postgres().await);
    let shell = Shell::on(&database);
    database.set_back_shared().await;
    let holder = Arc::clone(&database);
    let held = tokio::spawn(async move {
        let lock = "LOCK TABLE tenant_migrations IN SHARE ROW EXCLUSIVE MODE";
        holder.execute(&format!("BEGIN; {lock}; SELECT pg_sleep(7); COMMIT")).await;
    });
    asleep(&database).await;
    let mut run = shell.command("migrate").stdout(Stdio::null()).spawn().expect("the binary runs");
    tries_again(&database, &mut run).await;
    held.await.expect("no panic");
    assert!(run.wait().expect("a child").success());
    assert_eq!(shell.prints("migrate"), "nothing to do: the tables are of the newest version\n");
}

/// Each attempt is a statement of its own: the second one begins after the first has waited.
async fn tries_again(database: &TestDatabase, run: &mut Child) {
    let again = format!("{WAITS} AND query_start > backend_start + interval '4 seconds'");
    while database.number(&again).await == 0 {
        assert!(run.try_wait().expect("a child").is_none(), "it waited in one go, or gave up");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until somebody sleeps.
async fn asleep(database: &TestDatabase) {
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    while database.number(asleep).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Killed while a tenant's tables are being changed, which the database finishes without it.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_inside_of_a_tenant_is_taken_up_too() {
    let fleet = Arc::new(Fleet::behind(TestDatabase::postgres().await, 2).await);
    let stuck = &fleet.tenants[2];
    let held = hold(&fleet, stuck, 3).await;
    let mut command = fleet.shell.command("migrate --concurrency 1");
    let mut run = command.stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("the binary runs");
    while fleet.database.number(WAITS).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    run.kill().expect("it is there");
    run.wait().expect("a child");
    let running = &fleet.status()["versions"];
    assert!(running.as_array().unwrap().iter().any(|row| row["state"] == "running"), "{running}");
    held.await.expect("no panic");

    assert_eq!(Fleet::counts(&fleet.migrate("", 0)), [2, 2, 0, 0], "that one, and the one after it");
    assert_eq!(fleet.current().await, fleet.size());
    assert_eq!(fleet.status()["versions"].as_array().unwrap().len(), 1);
}

async fn nothing_to_do_is_quick_with_many_tenants(database: TestDatabase) {
    let fleet = Fleet::behind(database, 1).await;
    fleet.shell.prints("migrate");
    let new_id = match fleet.database {
        TestDatabase::Postgres(_) => "gen_random_uuid()",
        TestDatabase::Sqlite(_) => "randomblob(16)",
    };
    let copies = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO tenants SELECT {new_id}, 'copy-' || i, name, name_folded, status, isolation, suspended, datastore,
             domains, limits, schema_version, version, created_at, updated_at, writes_held
         FROM tenants, n WHERE slug = '{}'",
        fleet.tenants[0].slug
    );
    fleet.database.execute(&copies).await;
    let asked = Instant::now();
    assert_eq!(fleet.shell.prints("migrate"), "nothing to do: the tables are of the newest version\n");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_named_and_the_rest_goes_on() {
    let fleet = Fleet::behind(TestDatabase::postgres().await, 2).await;
    let abroad = &fleet.tenants[0];
    let elsewhere = format!("UPDATE tenants SET datastore = 'east' WHERE slug = '{}'", abroad.slug);
    fleet.database.execute(&elsewhere).await;
    let away = "east=postgres://test_owner:hunter2@127.0.0.1:1/east";
    let shell = Shell::on(&fleet.database).with("DATASTORES", away);
    let all = fleet.size();

    let outcome = shell.run("migrate").exited(1);
    let (out, err) = (outcome.out(), outcome.err());
    assert!(out.contains("FAILED datastore east: "), "{out}");
    assert!(out.contains(&format!("migrated {} of {all} tenants\n", all - 1)), "{out}");
    assert!(out.contains(&format!("left 1 of {all} tenants alone\n")), "{out}");
    assert!(!out.contains("hunter2") && !err.contains("hunter2"), "{out}{err}");
    assert_eq!(fleet.current().await, all - 1);

    let status = shell.run("migrate status").exited(1);
    assert!(status.err().contains("the datastore east cannot be asked: "), "{}", status.err());
    assert!(status.out().contains("m0001_users_and_posts"), "{}", status.out());
    let canary = shell.run(&format!("migrate --canary {}", abroad.slug)).exited(1);
    assert!(canary.out().contains("left 1 of 1 tenants alone\n"), "{}", canary.out());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_budget_is_enough() {
    let fleet = Fleet::behind(TestDatabase::postgres().await, 2).await;
    let shell = Shell::on(&fleet.database).with("CONNECTION_BUDGET", "4");
    let outcome = shell.run("migrate --concurrency 50").exited(0);
    assert_eq!(outcome.out(), "migrated 4 of 4 tenants\n");
    // Not even a lock beside the work.
    let shell = Shell::on(&fleet.database).with("CONNECTION_BUDGET", "2");
    assert_eq!(shell.prints("migrate"), "nothing to do: the tables are of the newest version\n");
}

/// The progress of a run that nobody reads is no reason to stop it.
#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_when_nobody_reads_what_it_says() {
    let fleet = Fleet::behind(TestDatabase::sqlite().await, 3).await;
    let mut command = fleet.shell.command("migrate");
    let mut run = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the binary runs");
    drop(run.stderr.take());
    let ended = wait_for("the end of the run", || run.try_wait().expect("a child"));
    assert_eq!((ended.code(), fleet.current().await), (Some(0), fleet.size()));
}
