//! `keys`: data keys and the master key, from a shell.

use serde_json::{Value, json};
use testkit::TestDatabase;

use crate::support::{Request, Server, Shell, on_both_databases};

on_both_databases! {
    what_was_written_plain_is_sealed_and_sealed_again,
    a_new_master_key_takes_over,
    a_missing_or_wrong_master_key_stops_the_start,
    the_doctor_looks_at_keys,
    one_tenant_that_cannot_be_sealed_keeps_no_other_from_it,
}

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER: &str = "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A shell without a master key, whose processes notice soon that there is a newer key.
fn plain(database: &TestDatabase) -> Shell {
    Shell::on(database).with("REQUEST_TIMEOUT", "1s").with("ENCRYPTION_KEY_TTL", "200ms")
}

fn sealing(database: &TestDatabase) -> Shell {
    plain(database).with("ENCRYPTION_MASTER_KEY", KEY)
}

/// Makes these tenants, each with one post.
fn write(shell: Shell, slugs: &[&str]) {
    let server = Server::start(shell);
    for slug in slugs {
        let token = server.with_tenant(slug);
        let post = json!({ "title": "A post", "content": "A secret." });
        server.send(Request::post("/v1/posts", &post).by(&token)).is(201);
    }
}

/// What the tenant's posts say.
fn read(shell: Shell, slug: &str) -> Vec<Value> {
    let server = Server::start(shell);
    let token = server.token(&format!("--tenant {slug} --role viewer"));
    let posts = server.send(Request::get("/v1/posts").by(&token)).is(200);
    posts["data"].as_array().expect("a list").iter().map(|post| post["content"].clone()).collect()
}

async fn stored(database: &TestDatabase, pattern: &str) -> i64 {
    database.number(&format!("SELECT count(*) FROM posts WHERE content LIKE '{pattern}'")).await
}

async fn audited(database: &TestDatabase, action: &str, outcome: &str) -> i64 {
    let entries = format!("SELECT count(*) FROM audit_log WHERE action = '{action}' AND outcome = '{outcome}'");
    database.number(&entries).await
}

async fn what_was_written_plain_is_sealed_and_sealed_again(database: TestDatabase) {
    write(plain(&database), &["acme", "globex"]);
    assert_eq!(stored(&database, "A secret.").await, 2);
    let why = plain(&database).run("keys encrypt").exited(1).err();
    assert!(why.contains("acme: nothing is encrypted: ENCRYPTION_MASTER_KEY is not set"), "{why}");
    assert_eq!(audited(&database, "tenant.keys.encrypt", "refused").await, 2);

    let outcome = sealing(&database).run("keys encrypt --tenant acme").exited(0);
    assert_eq!(outcome.out(), "sealed: 1 tenant, 1 row that had not been\n");
    assert_eq!((stored(&database, "A secret.").await, stored(&database, "sealed:1:1:%").await), (1, 1));
    let outcome = sealing(&database).run("keys encrypt").exited(0);
    assert_eq!(outcome.out(), "sealed: 2 tenants, 1 row that had not been\n");
    assert!(outcome.err().contains("globex: 1 row sealed") && outcome.err().contains("acme: 0 rows sealed"));
    assert_eq!(stored(&database, "sealed:1:1:%").await, 2);

    assert_eq!(sealing(&database).prints("keys rotate --tenant acme"), "new keys: 1 tenant, 1 row sealed again\n");
    assert_eq!((stored(&database, "sealed:1:1:%").await, stored(&database, "sealed:1:2:%").await), (1, 1));
    assert_eq!(sealing(&database).prints("keys rotate"), "new keys: 2 tenants, 2 rows sealed again\n");
    assert_eq!((stored(&database, "sealed:1:2:%").await, stored(&database, "sealed:1:3:%").await), (1, 1));
    assert_eq!(database.number("SELECT count(*) FROM data_keys WHERE retired_at IS NULL").await, 2);
    assert_eq!(read(sealing(&database), "acme"), ["A secret."]);
}

async fn a_new_master_key_takes_over(database: TestDatabase) {
    write(sealing(&database), &["acme", "globex"]);
    let file = plain(&database);
    let path = file.directory().join("master.key");
    std::fs::write(&path, format!("{OTHER}\n")).expect("a file");
    let file = file.with("ENCRYPTION_MASTER_KEY_FILE", path.to_str().expect("text"));
    let refused = file.fails("keys rotate --master");
    assert!(refused.contains("ENCRYPTION_MASTER_KEY_FILE is not the master key"), "{refused}");
    let file = file.with("ENCRYPTION_PREVIOUS_MASTER_KEYS", KEY);
    assert_eq!(file.prints("keys rotate --master"), "2 data keys are wrapped with the present master key now\n");
    let file = file.without("ENCRYPTION_PREVIOUS_MASTER_KEYS");
    assert_eq!(file.prints("keys rotate --master"), "nothing to do: the present master key wraps every data key\n");
    assert_eq!(stored(&database, "sealed:1:1:%").await, 2, "no row was touched");
    sealing(&database).fails("tenant list");
    assert_eq!(read(file, "globex"), ["A secret."]);
}

async fn a_missing_or_wrong_master_key_stops_the_start(database: TestDatabase) {
    write(sealing(&database), &["acme"]);
    for line in ["serve", "tenant list", "keys rotate"] {
        let missing = plain(&database).fails(line);
        assert!(missing.starts_with("tenantry: ENCRYPTION_MASTER_KEY is not set"), "{line}: {missing}");
        let wrong = plain(&database).with("ENCRYPTION_MASTER_KEY", OTHER).fails(line);
        assert!(wrong.starts_with("tenantry: ENCRYPTION_MASTER_KEY is not the master key"), "{line}: {wrong}");
        assert!(!wrong.contains(OTHER) && !wrong.contains(KEY), "{wrong}");
    }
}

async fn the_doctor_looks_at_keys(database: TestDatabase) {
    write(plain(&database), &["acme"]);
    assert!(plain(&database).prints("doctor").contains("ok     data keys: contents are not encrypted"));
    let said = sealing(&database).prints("doctor");
    assert!(said.contains("warning: rows are stored that are not sealed"), "{said}");
    assert!(said.contains("acme has 1"), "{said}");
    sealing(&database).prints("keys encrypt");
    let said = sealing(&database).prints("doctor");
    assert!(said.contains("ok     data keys: every tenant's keys unwrap"), "{said}");
    assert!(said.contains("no row is stored that is not sealed"), "{said}");

    let missing = plain(&database).run("doctor").exited(1).out();
    assert!(missing.contains("FAILED data keys: ENCRYPTION_MASTER_KEY is not set"), "{missing}");
    database.execute("UPDATE posts SET content = 'sealed:1:1:AAAA'").await;
    let damaged = sealing(&database).run("doctor").exited(1).out();
    assert!(damaged.contains("FAILED data keys: acme: ") && damaged.contains("does not open"), "{damaged}");
    database.execute("UPDATE data_keys SET wrapped = 'AAAA'").await;
    let damaged = sealing(&database).run("doctor").exited(1).out();
    assert!(damaged.contains("cannot be unwrapped"), "{damaged}");
}

async fn one_tenant_that_cannot_be_sealed_keeps_no_other_from_it(database: TestDatabase) {
    write(sealing(&database), &["acme", "globex"]);
    let of_acme = "(SELECT id FROM tenants WHERE slug = 'acme')";
    database.execute(&format!("UPDATE posts SET content = 'sealed:1:1:AAAA' WHERE tenant_id = {of_acme}")).await;
    let outcome = sealing(&database).run("keys rotate").exited(1);
    assert_eq!(outcome.out(), "new keys: 1 tenant, 1 row sealed again\n");
    let said = outcome.err();
    assert!(said.contains("acme: 1 sealed text does not open: content of posts "), "{said}");
    assert!(said.contains("tenantry: 1 tenant failed"), "{said}");
    for (action, outcome, count) in [
        ("tenant.keys.rotate", "done", 2),
        ("tenant.keys.rotated", "done", 1),
        ("tenant.keys.rotate_failed", "failed", 1),
        ("tenant.keys.rotate", "failed", 0),
    ] {
        assert_eq!(audited(&database, action, outcome).await, count, "{action}");
    }
}
