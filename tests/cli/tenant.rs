//! `tenant`: what the admin endpoints do, from a shell.

use serde_json::{Value, json};
use testkit::TestDatabase;

use crate::support::{Shell, on_both_databases};

on_both_databases! {
    a_tenant_is_made_shown_and_listed,
    a_tenant_goes_through_its_states,
    names_are_unique,
    a_long_list_is_complete,
    what_cannot_be_placed_is_refused,
    what_tenants_have_is_shown_and_corrected,
    rows_from_before_there_were_tallies_are_counted,
}

async fn a_tenant_is_made_shown_and_listed(database: TestDatabase) {
    let shell = Shell::on(&database);
    let mut create = shell.command("tenant create acme --domain Blog.Acme.org --domain acme.example --json");
    let made = create.args(["--name", "Acme Çorp"]).output().expect("the binary runs");
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    assert_eq!(
        (&made["slug"], &made["name"], &made["status"], &made["isolation"], &made["datastore"], &made["limits"]),
        (&json!("acme"), &json!("Acme Çorp"), &json!("active"), &json!("shared"), &Value::Null, &json!({}))
    );
    assert_eq!(made["domains"], json!(["blog.acme.org", "acme.example"]));

    let id = made["id"].as_str().unwrap();
    assert_eq!(shell.prints_json("tenant show acme --json"), made);
    assert_eq!(shell.prints_json(&format!("tenant show {id} --json")), made);
    assert_eq!(shell.prints_json("tenant list --json"), json!([made]));

    let shown = shell.prints("tenant show acme");
    for part in [id, "acme", "Acme Çorp", "active", "shared", "blog.acme.org, acme.example"] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    let listed = shell.prints("tenant list");
    assert!(listed.starts_with("SLUG") && listed.contains(id), "{listed}");

    assert!(shell.prints("tenant create globex").starts_with("globex is made: its id is "));
    assert_eq!(shell.prints_json("tenant show globex --json")["name"], "globex");
}

async fn a_tenant_goes_through_its_states(database: TestDatabase) {
    let shell = Shell::on(&database);
    shell.prints("tenant create acme");
    let status = || shell.prints_json("tenant show acme --json")["status"].clone();
    for (command, becomes) in [
        ("suspend", "suspended"),
        ("suspend", "suspended"),
        ("resume", "active"),
        ("resume", "active"),
        ("suspend", "suspended"),
        ("delete", "deleted"),
        ("delete", "deleted"),
        ("restore", "suspended"),
    ] {
        let said = shell.prints(&format!("tenant {command} acme"));
        assert!(said.contains("acme") && said.contains(becomes), "{command}: {said}");
        assert_eq!(status(), becomes, "{command}");
    }
    shell.prints("tenant delete acme");
    for command in ["suspend", "resume"] {
        let reason = shell.fails(&format!("tenant {command} acme"));
        assert!(reason.contains("its status is deleted"), "{reason}");
    }
    let listed = |status: &str| shell.prints_json(&format!("tenant list --json --status {status}"));
    assert_eq!(listed("deleted").as_array().unwrap().len(), 1);
    assert_eq!(listed("active"), json!([]));
    let entries = |outcome: &str| {
        format!(
            "SELECT count(*) FROM audit_log WHERE actor LIKE 'cli:%' AND origin = 'command line' AND outcome = '{outcome}'"
        )
    };
    assert_eq!(database.number(&entries("done")).await, 7, "one for making it and one for each change that was one");
    assert_eq!(database.number(&entries("refused")).await, 2, "a deleted tenant was to be suspended and resumed");
}

async fn what_cannot_be_placed_is_refused(database: TestDatabase) {
    let shell = Shell::on(&database);
    let refused = shell.fails("tenant create acme --datastore east");
    assert_eq!(refused, "tenantry: datastore must be a server of DATASTORES: none");
    if let TestDatabase::Sqlite(_) = database {
        let refused = shell.fails("tenant create acme --isolation schema");
        assert_eq!(refused, "tenantry: isolation must be shared or database: SQLite has no schemas");
    }
    assert_eq!(shell.run("tenant create acme --isolation own").exited(2).out(), "");
    assert_eq!(shell.prints_json("tenant list --json"), json!([]));
}

async fn names_are_unique(database: TestDatabase) {
    let shell = Shell::on(&database);
    shell.prints("tenant create acme --domain acme.example");
    assert_eq!(shell.fails("tenant create acme"), "tenantry: slug is taken");
    assert_eq!(shell.fails("tenant create acme2 --domain ACME.example"), "tenantry: domains is taken");
    assert_eq!(shell.prints_json("tenant list --json").as_array().unwrap().len(), 1);
    shell.prints("tenant delete acme");
    assert_eq!(shell.fails("tenant create acme"), "tenantry: slug is taken", "a deleted one can come back");
}

async fn a_long_list_is_complete(database: TestDatabase) {
    // More than are read at once. Copies of one that was made in the ordinary way.
    let shell = Shell::on(&database);
    shell.prints("tenant create first");
    let new_id = match database {
        TestDatabase::Postgres(_) => "gen_random_uuid()",
        TestDatabase::Sqlite(_) => "randomblob(16)",
    };
    let copies = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 204)
         INSERT INTO tenants SELECT {new_id}, 'copy-' || i, name, name_folded, status, isolation, suspended, datastore,
             domains, limits, schema_version, version, created_at, updated_at, writes_held FROM tenants, n"
    );
    database.execute(&copies).await;
    let all = shell.prints_json("tenant list --json");
    let slugs: std::collections::BTreeSet<_> = all.as_array().unwrap().iter().map(|one| one["slug"].as_str()).collect();
    assert_eq!((slugs.len(), all.as_array().unwrap().len()), (205, 205));
    let found = shell.prints_json("tenant list --json -q COPY-17");
    assert_eq!(found.as_array().unwrap().len(), 11, "copy-17 and copy-170 to copy-179");
}

#[tokio::test]
async fn what_cannot_be_a_tenant_is_refused_with_the_rule() {
    let database = TestDatabase::sqlite().await;
    let shell = Shell::on(&database).with("RESERVED_SLUGS", "blog,status").with("BASE_DOMAIN", "example.com");
    let long = "a".repeat(41);
    for (args, says) in [
        ("www", "is reserved"),
        ("docs", "is reserved"),
        ("blog", "is reserved"),
        ("a", "2 to 40"),
        (long.as_str(), "2 to 40"),
        ("Acme", "of a-z, 0-9 and -"),
        ("1acme", "begin with a letter"),
        ("acme-", "end in a letter or digit"),
        ("ac_me", "of a-z, 0-9 and -"),
        ("acme --domain localhost", "a host name"),
        ("acme --domain https://acme.org", "a host name"),
        ("acme --domain acme.example.com", "must not be example.com or below it"),
    ] {
        let reason = shell.fails(&format!("tenant create {args}"));
        assert!(reason.contains(says), "{args}: {reason}");
    }
    shell.run("tenant create acme --name").exited(2);
    let mut blank = shell.command("tenant create acme --name");
    assert_eq!(blank.arg("  ").output().expect("the binary runs").status.code(), Some(2));
    for command in ["show", "suspend", "resume", "delete", "restore"] {
        let reason = shell.fails(&format!("tenant {command} nobody"));
        assert_eq!(reason, "tenantry: there is no tenant \"nobody\"");
    }
    assert_eq!(shell.prints_json("tenant list --json"), json!([]));
}

async fn what_tenants_have_is_shown_and_corrected(database: TestDatabase) {
    let shell = Shell::on(&database);
    shell.prints("tenant create acme");
    let nothing = amounts((0, 0), (0, 0));
    assert_eq!(shell.prints_json("tenant stats acme --json")["tables"], nothing);
    let literal = literal(&database, shell.prints_json("tenant show acme --json")["id"].as_str().unwrap());
    let tally = format!(
        "INSERT INTO tallies (tenant_id, slot, users_rows, users_bytes, posts_rows, posts_bytes)
         VALUES ({literal}, 3, 2, 20, 0, 0)"
    );
    database.execute(&tally).await;
    let wrong = amounts((2, 20), (0, 0));
    assert_eq!(shell.prints_json("tenant stats acme --json")["tables"], wrong);
    let all = shell.prints_json("tenant stats --json");
    assert_eq!((&all["tables"], &all["missing"], &all["requests"]), (&wrong, &json!([]), &json!(0)));
    let said = shell.run("doctor").exited(1).out();
    assert!(said.contains("the tally of acme is -2 rows and -20 bytes too low"), "{said}");

    assert_eq!(shell.prints_json("tenant stats acme --recount --json")["tables"], nothing);
    assert!(shell.prints("tenant stats acme").contains("0 rows, 0 bytes"));
    shell.prints("tenant stats acme --recount");
    assert_eq!(shell.prints_json("tenant stats --json")["tables"], nothing);
}

/// An id as the database writes it.
fn literal(database: &TestDatabase, id: &str) -> String {
    match database {
        TestDatabase::Sqlite(_) => format!("x'{}'", id.replace('-', "")),
        _ => format!("'{id}'"),
    }
}

/// The rows and bytes of users and posts, as `stats` shows them.
fn amounts(users: (u64, u64), posts: (u64, u64)) -> Value {
    let table = |table: &str, (rows, bytes): (u64, u64)| json!({ "table": table, "rows": rows, "bytes": bytes });
    json!([table("users", users), table("posts", posts)])
}

async fn rows_from_before_there_were_tallies_are_counted(database: TestDatabase) {
    let shell = Shell::on(&database);
    let ids = ["acme", "globex"].map(|slug| {
        shell.prints(&format!("tenant create {slug}"));
        let shown = shell.prints_json(&format!("tenant show {slug} --json"));
        literal(&database, shown["id"].as_str().unwrap())
    });
    let [acme, globex] = &ids;
    let columns = ["users", "posts"]
        .map(|table| format!("ALTER TABLE {table} DROP COLUMN bytes; ALTER TABLE {table} DROP COLUMN bytes_change"));
    let at = "'2026-01-01T00:00:00+00:00'";
    let user = |tenant: &str, name: &str| {
        format!(
            "INSERT INTO users
                 (tenant_id, id, name, name_folded, email, email_folded, role, version, created_at, updated_at)
             VALUES ({tenant}, {tenant}, '{name}', '', 'a@b.test', 'a@b.test', 'member', 1, {at}, {at})"
        )
    };
    let posts = format!(
        "INSERT INTO posts
             (tenant_id, id, user_id, title, title_folded, content, version, created_at, updated_at)
         VALUES ({acme}, {acme}, {acme}, 'title', '', 'äöx', 1, {at}, {at}),
             ({acme}, {globex}, {acme}, 'x', '', null, 1, {at}, {at})"
    );
    let version = "DROP TABLE tallies; DELETE FROM tenant_migrations WHERE version = 'm0004_tallies'; \
        UPDATE tenants SET schema_version = 3";
    for sql in [&columns[0], &columns[1], &user(acme, "Ada"), &user(globex, "Böb"), &posts, version] {
        database.execute(sql).await;
    }
    shell.prints("migrate");
    let tables = |slug: &str| shell.prints_json(&format!("tenant stats {slug} --json"))["tables"].clone();
    assert_eq!(tables("acme"), amounts((1, 11), (2, 11)));
    assert_eq!(tables("globex"), amounts((1, 12), (0, 0)));
    shell.prints("doctor");
}
