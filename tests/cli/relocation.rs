//! `tenant move`, `export`, `import` and `purge`: long work from a shell, and what becomes of it when its process is killed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::TestDatabase;
use uuid::Uuid;

use crate::support::{Outcome, Request, Server, Shell, on_both_databases, wait_for};

on_both_databases! {
    a_tenant_is_moved_and_it_is_said_how_far_it_is,
    a_move_whose_process_is_killed_is_finished_by_a_server,
    a_move_whose_process_is_killed_is_finished_by_repeating_the_command,
    a_tenant_whose_making_is_killed_is_finished,
    an_export_goes_to_a_file_and_comes_from_one,
    an_export_goes_through_a_pipe,
    what_cannot_be_imported_is_one_line_and_leaves_nothing,
    a_purge_prints_what_was_destroyed,
    a_large_tenant_takes_no_more_memory_than_a_small_one,
}

/// What a move says that goes well, in this order; what is over before anybody looks is not said.
const SAID: [&str; 6] = [
    "looking at both places",
    "making the new place",
    "copying while the tenant works",
    "holding writes: carrying the last changes over and comparing every row",
    "moved: destroying the old place once nobody can be in it any more",
    "ended",
];

/// A shell whose processes keep a tenant's old place for a moment only, and log nothing.
fn shell(database: &TestDatabase) -> Shell {
    Shell::on(database).with("REQUEST_TIMEOUT", "1s").with("RUST_LOG", "off")
}

/// The tenant acme with one user and these posts. Gives all its rows, as its members see them.
fn inhabited(database: &TestDatabase, posts: usize) -> Value {
    let server = Server::start(Shell::on(database));
    let token = server.with_tenant("acme");
    for number in 0..posts {
        let post = json!({"title": format!("Post {number}"), "content": "äöü \" \\ \n".repeat(20)});
        server.send(Request::post("/v1/posts", &post).by(&token)).is(201);
    }
    rows(database, "acme")
}

/// All rows of a tenant without whose they are.
fn rows(database: &TestDatabase, slug: &str) -> Value {
    let server = Server::start(Shell::on(database));
    let token = server.token(&format!("--tenant {slug} --role viewer"));
    let mut rows =
        ["/v1/users?limit=100", "/v1/posts?limit=100"].map(|path| server.send(Request::get(path).by(&token)).is(200));
    let lists = rows.iter_mut().flat_map(|list| list["data"].as_array_mut().expect("a list"));
    lists.for_each(|row| row["tenant_id"] = Value::Null);
    json!(rows)
}

fn isolation(shell: &Shell) -> Value {
    shell.prints_json("tenant show acme --json")["isolation"].clone()
}

/// Kills a command as soon as it says this.
fn killed_when_it_says(shell: &Shell, line: &str, says: &str) {
    let mut child = shell.command(line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    let mut said = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(said.any(|line| line.starts_with(says)), "{line} did not say {says:?}");
    child.kill().expect("it runs still");
    child.wait().expect("a child");
}

async fn a_tenant_is_moved_and_it_is_said_how_far_it_is(database: TestDatabase) {
    let before = inhabited(&database, 3);
    let shell = shell(&database);
    let moved = shell.run("tenant move acme --isolation database").exited(0);
    let result = moved.out();
    assert!(result.starts_with("acme is moved: 4 rows compared, writes were held for "), "{result}");
    assert_eq!(result.lines().count(), 1);
    let said = moved.err();
    let lines: Vec<_> = said.lines().collect();
    assert_eq!((lines.first(), lines.last()), (Some(&SAID[0]), Some(&SAID[5])), "plain lines: {said}");
    assert!(lines.is_sorted_by_key(|line| SAID.iter().position(|said| said == line).expect(line)), "{said}");
    assert_eq!((isolation(&shell), rows(&database, "acme")), (json!("database"), before.clone()));

    let back = shell.prints_json("tenant move acme --isolation shared --json");
    assert_eq!(
        (&back["kind"], &back["status"], &back["source"], &back["target"], &back["progress"]["compared"]),
        (
            &json!("move"),
            &json!("done"),
            &json!({"isolation": "database", "datastore": null}),
            &json!({"isolation": "shared", "datastore": null}),
            &json!(4)
        )
    );
    assert_eq!((isolation(&shell), rows(&database, "acme")), (json!("shared"), before));
    assert_eq!(database.count_places().await, 0);

    assert_eq!(shell.fails("tenant move acme --isolation shared"), "tenantry: the tenant is there already");
    assert_eq!(shell.fails("tenant move nobody --isolation database"), "tenantry: there is no tenant \"nobody\"");
    let unknown = shell.fails("tenant move acme --isolation shared --datastore east");
    assert_eq!(unknown, "tenantry: datastore must be a server of DATASTORES: none");
    for wrong in ["acme", "--isolation database", "acme --isolation own"] {
        shell.run(&format!("tenant move {wrong}")).exited(2);
    }
    shell.prints("tenant delete acme");
    let refused = shell.fails("tenant move acme --isolation database");
    assert_eq!(refused, "tenantry: a tenant that is deleted cannot be moved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_fails_is_a_failure_and_says_why() {
    let database = TestDatabase::postgres().await;
    let TestDatabase::Postgres(postgres) = &database else { unreachable!("it was just made") };
    let role = format!("test_{}", Uuid::now_v7().simple());
    database.execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'test' IN ROLE test_owner")).await;
    let shell = shell(&database).with("DATABASE_OWNER_URL", &postgres.url(&role));
    shell.prints("tenant create acme");
    let outcome = shell.run("tenant move acme --isolation database --json").exited(1);
    let operation: Value = serde_json::from_str(&outcome.out()).expect("the operation");
    assert_eq!(operation["status"], "failed");
    let why = "tenantry: acme stays where it was: the owner role may not create databases: give it CREATEDB";
    assert_eq!(outcome.err().lines().last(), Some(why));
    assert_eq!(isolation(&shell), "shared");
    let failures = "SELECT count(*) FROM audit_log WHERE outcome <> 'done'";
    assert_eq!(database.number(failures).await, 1, "the operation tells its own end");
    assert_eq!(
        database.number(&format!("{failures} AND action = 'tenant.move_failed' AND outcome = 'failed'")).await,
        1
    );
}

async fn a_move_whose_process_is_killed_is_finished_by_a_server(database: TestDatabase) {
    let before = inhabited(&database, 3);
    let patient = shell(&database).with("REQUEST_TIMEOUT", "30s");
    for (target, says) in [("database", SAID[0]), ("shared", SAID[4])] {
        killed_when_it_says(&patient, &format!("tenant move acme --isolation {target}"), says);
        let server = Server::start(Shell::on(&database).with("REQUEST_TIMEOUT", "1s"));
        while database.number("SELECT count(*) FROM operations WHERE state = 'running'").await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drop(server);
        assert_eq!((isolation(&patient), rows(&database, "acme")), (json!(target), before.clone()));
    }
    assert_eq!((database.count_places().await, database.number("SELECT count(*) FROM posts").await), (0, 3));
}

async fn a_move_whose_process_is_killed_is_finished_by_repeating_the_command(database: TestDatabase) {
    let before = inhabited(&database, 3);
    let (patient, hasty) = (shell(&database).with("REQUEST_TIMEOUT", "30s"), shell(&database));
    for (target, says) in [("database", SAID[0]), ("shared", SAID[4])] {
        let line = format!("tenant move acme --isolation {target}");
        killed_when_it_says(&patient, &line, says);
        assert!(hasty.prints(&line).starts_with("acme is moved: 4 rows compared"));
        assert_eq!((isolation(&hasty), rows(&database, "acme")), (json!(target), before.clone()));
    }
    let moves = "SELECT count(*) FROM operations";
    assert_eq!(database.number(moves).await, 2, "it is the same operation that is gone on with");
    assert_eq!((database.count_places().await, database.number("SELECT count(*) FROM posts").await), (0, 3));
}

async fn a_tenant_whose_making_is_killed_is_finished(database: TestDatabase) {
    let shell = shell(&database);
    for (slug, by_server) in [("acme", true), ("globex", false)] {
        let line = format!("tenant create {slug} --isolation database");
        let mut child = shell.command(&line).stdout(Stdio::null()).spawn().expect("the binary runs");
        // Whether it is in the middle of it by then or already done: it is whole afterwards.
        while database.number(&format!("SELECT count(*) FROM tenants WHERE slug = '{slug}'")).await == 0 {}
        child.kill().expect("it was not waited for");
        child.wait().expect("a child");
        let _server = by_server.then(|| Server::start(Shell::on(&database)));
        if !by_server {
            let again = shell.run(&line);
            assert!(
                again.out().starts_with("globex is made") || again.err() == "tenantry: slug is taken\n",
                "{}",
                again.err()
            );
        }
        wait_for("a tenant that is served", || {
            let tenant = shell.prints_json(&format!("tenant show {slug} --json"));
            (tenant["status"] == "active").then_some(())
        });
        assert_eq!(rows(&database, slug)[0]["data"], json!([]));
    }
}

async fn an_export_goes_to_a_file_and_comes_from_one(database: TestDatabase) {
    let before = inhabited(&database, 5);
    let shell = shell(&database);
    let file = shell.directory().join("acme.ndjson");
    let said = shell.prints("tenant export acme --output acme.ndjson");
    let size = std::fs::metadata(&file).expect("the file is there").len();
    assert_eq!(said, format!("acme is exported: {size} bytes in acme.ndjson\n"));
    let own = database.own_places().last().expect("a place").isolation();
    let made = shell.prints_json(&format!("tenant import acme.ndjson --slug copy --isolation {own} --json"));
    assert_eq!((&made["slug"], &made["status"], &made["isolation"]), (&json!("copy"), &json!("active"), &json!(own)));
    assert_eq!(shell.prints_json("tenant show copy --json"), made);
    assert_eq!(rows(&database, "copy"), before);
    let said = shell.prints("tenant import acme.ndjson --slug another");
    assert!(
        said.starts_with("another is imported: its id is ") && said.ends_with(", its isolation shared\n"),
        "{said}"
    );
    assert!(shell.fails("tenant import nothing.ndjson").contains("nothing.ndjson: No such file"));
    assert!(shell.fails("tenant export acme -o nowhere/acme.ndjson").contains("nowhere/acme.ndjson: No such file"));
    assert_eq!(shell.fails("tenant export nobody"), "tenantry: there is no tenant \"nobody\"");
}

async fn an_export_goes_through_a_pipe(database: TestDatabase) {
    let before = inhabited(&database, 5);
    let shell = shell(&database);
    let mut export = shell.command("tenant export acme").stdout(Stdio::piped()).spawn().expect("the binary runs");
    let mut import = shell.command("tenant import --slug copy");
    import.stdin(export.stdout.take().expect("a pipe"));
    Outcome::of("tenant import --slug copy", import).exited(0);
    assert!(export.wait().expect("a child").success());
    assert_eq!(rows(&database, "copy"), before);
    let lines = shell.prints("tenant export acme");
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "nothing but lines of JSON");
}

async fn what_cannot_be_imported_is_one_line_and_leaves_nothing(database: TestDatabase) {
    inhabited(&database, 5);
    let shell = shell(&database);
    let lines = shell.prints("tenant export acme");
    let path = shell.directory().join("lines");
    let half = lines.len() / 2;
    let cut_off_at = lines[..lines.floor_char_boundary(half)].lines().count();
    for (text, options, says) in [
        (lines.replace("Post 3", "Post 4"), "--slug copy", "line 6 is not as it was exported"),
        (lines[..lines.floor_char_boundary(half)].to_owned(), "--slug copy", format!("line {cut_off_at} ").as_str()),
        (String::new(), "--slug copy", "line 1 is missing: the export was cut off"),
        (lines.clone(), "", "slug is taken"),
        (lines.clone(), "--slug www", "has a slug that is reserved"),
        (lines.clone(), "--slug copy --datastore east", "datastore must be a server of DATASTORES: none"),
    ] {
        std::fs::write(&path, text).expect("a file");
        let reason = shell.fails(&format!("tenant import lines {options}"));
        assert!(reason.contains(says), "{options}: {reason}");
        assert_eq!(shell.prints_json("tenant list --json").as_array().expect("a list").len(), 1, "{says}");
        assert_eq!(database.number("SELECT count(*) FROM posts").await, 5, "{says}");
    }
    std::fs::write(&path, lines).expect("a file");
    shell.prints("tenant import lines --slug copy");
}

async fn a_purge_prints_what_was_destroyed(database: TestDatabase) {
    inhabited(&database, 3);
    let shell = shell(&database);
    let refused = shell.fails("tenant purge acme");
    assert_eq!(refused, "tenantry: a tenant that is active cannot be purged: delete it first");
    shell.prints("tenant delete acme");
    let id = shell.prints_json("tenant show acme --json")["id"].clone();
    let said = shell.prints("tenant purge acme");
    let lines: Vec<_> = said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let id = id.as_str().expect("an id");
    assert_eq!(lines[0], format!("acme ({id}) is destroyed: everything in its shared tables"));
    for table in ["users 1 rows", "posts 3 rows", "idempotency_keys 0 rows"] {
        assert!(lines.iter().any(|line| line == table), "{table} in {said}");
    }
    let [.., purged, asked] = &lines[..] else { panic!("{said}") };
    assert!(purged.starts_with("purged 20") && asked.starts_with("asked for by cli:"), "{said}");
    assert_eq!(database.number("SELECT count(*) FROM posts").await, 0);
    for gone in ["acme", id] {
        assert_eq!(shell.fails(&format!("tenant purge {gone}")), format!("tenantry: there is no tenant {gone:?}"));
    }
    assert_eq!(shell.fails("tenant create acme"), "tenantry: slug is taken");

    shell.prints("tenant create globex --isolation database");
    shell.prints("tenant delete globex");
    let certificate = shell.prints_json("tenant purge globex --json");
    assert_eq!((&certificate["slug"], &certificate["isolation"]), (&json!("globex"), &json!("database")));
    assert_eq!(certificate["destroyed"][1], json!({"table": "posts", "rows": 0}));
    assert_eq!(database.count_places().await, 0);
    let purged = "SELECT count(*) FROM audit_log WHERE action = 'tenant.purged' AND actor LIKE 'cli:%'";
    assert_eq!(database.number(purged).await, 2);
}

/// What it may take more for a hundred times as many rows, in KiB: a few batches of rows in several forms.
const MORE: u64 = 48 << 10;

/// Runs the command, with this file as its input, and gives the most memory that it had, in KiB.
fn peak(shell: &Shell, line: &str, input: Option<&str>) -> u64 {
    let mut command = shell.command(line);
    command.stdout(Stdio::null());
    if let Some(input) = input {
        command.stdin(File::open(shell.directory().join(input)).expect("the file"));
    }
    let mut child = command.spawn().expect("the binary runs");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = wait_for("the end of the command", || {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let most = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak = most.and_then(|most| most.parse().ok()).unwrap_or(peak);
        child.try_wait().expect("a child")
    });
    assert!(ended.success(), "{line}");
    peak
}

async fn a_large_tenant_takes_no_more_memory_than_a_small_one(database: TestDatabase) {
    let server = Server::start(Shell::on(&database));
    let token = server.with_tenant("acme");
    let post = json!({"title": "Large", "content": "0123456789".repeat(10_000)});
    server.send(Request::post("/v1/posts", &post).by(&token)).is(201);
    let shell = shell(&database);
    let small = [
        peak(&shell, "tenant export acme -o small.ndjson", None),
        peak(&shell, "tenant import --slug small", Some("small.ndjson")),
    ];
    let new_id = match database {
        TestDatabase::Postgres(_) => "gen_random_uuid()",
        TestDatabase::Sqlite(_) => "randomblob(16)",
    };
    let copies = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
         INSERT INTO posts (tenant_id, id, user_id, title, title_folded, content, version, created_at, updated_at)
         SELECT tenant_id, {new_id}, user_id, title, title_folded, content, version, created_at, updated_at
         FROM posts, n WHERE tenant_id = (SELECT id FROM tenants WHERE slug = 'acme')"
    );
    database.execute(&copies).await;
    let large = [
        peak(&shell, "tenant export acme -o large.ndjson", None),
        peak(&shell, "tenant import --slug large", Some("large.ndjson")),
    ];
    let size = std::fs::metadata(shell.directory().join("large.ndjson")).expect("a file").len() >> 10;
    assert!(size > 2 * MORE, "{size} KiB is not large");
    println!("{size} KiB: {small:?} and {large:?} KiB of memory");
    for (small, large) in small.into_iter().zip(large) {
        assert!(large < small + MORE, "{small} and {large} KiB of memory");
    }
    let posts = "SELECT count(*) FROM posts JOIN tenants ON tenants.id = tenant_id WHERE slug = 'large'";
    assert_eq!(database.number(posts).await, 1501);
}
