//! Everything a tenant owns as lines, and tenants made from such lines.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testkit::TestDatabase;
use uuid::Uuid;

use crate::support::{Answer, Call, Row, Tenant, TestApp, tokens};
use crate::{both_databases, every_place};

const NDJSON: &str = "application/x-ndjson";
const USERS: &str = "SELECT count(*) FROM users";

/// A tenant with a domain, limits, a user, three posts that are hard to write down, and a key that was used.
async fn inhabited(app: &TestApp) -> Tenant {
    let draft = json!({
        "slug": "acme", "name": "Äcme \"Corp\"", "domains": ["acme.example"], "limits": {"users": 50},
    });
    let acme = app.tenant_with(&draft).await;
    let ada = app.user(&acme, "ada").await;
    for title in ["{\"sum\": 1}", "two\nlines \u{2028}", "🦀 \\ '"] {
        app.post_of(&acme, &ada.id, title).await;
    }
    keyed(app, &acme, &ada.id).send().await.expect(201);
    acme
}

fn keyed(app: &TestApp, tenant: &Tenant, user: &str) -> Call {
    let post = app.post("/v1/posts").bearer(&tenant.token_of("member", user));
    post.header("Idempotency-Key", "key").json(&json!({"title": "Once"}))
}

async fn export(app: &TestApp, tenant: &Tenant) -> Answer {
    let call = app.get(&format!("/admin/v1/tenants/{}/export", tenant.slug)).bearer(&tokens::platform());
    call.send().await
}

/// Imports the lines, with these parameters.
async fn import(app: &TestApp, query: &str, lines: &str) -> Answer {
    let call = app.post(&format!("/admin/v1/tenants/import?{query}")).bearer(&tokens::platform());
    call.text(NDJSON, lines.to_owned()).send().await
}

fn imported(answer: &Answer) -> Tenant {
    let tenant = answer.clone().expect(201).json();
    let text = |name: &str| tenant[name].as_str().expect(name).to_owned();
    Tenant { id: text("id"), slug: text("slug") }
}

/// The rows as they are in another tenant.
fn in_tenant(mut rows: Vec<Row>, tenant: &Tenant) -> Vec<Row> {
    rows.iter_mut().for_each(|row| row.json["tenant_id"] = json!(tenant.id));
    rows
}

/// Fails unless acme is the only tenant there is, with the only user and the only place if it has one.
async fn nothing_is_left(app: &TestApp, case: &str) {
    let tenants = app.get("/admin/v1/tenants").bearer(&tokens::platform()).send().await.expect(200);
    assert_eq!(tenants.column("slug"), ["acme"], "{case}");
    let own = i64::from(tenants.data()[0]["isolation"] != "shared");
    assert_eq!((app.database.number_everywhere(USERS).await, app.database.count_places().await), (1, own), "{case}");
}

every_place! {
    async fn an_export_is_lines_that_end_with_their_numbers(app: TestApp) {
        let acme = inhabited(&app).await;
        let answer = export(&app, &acme).await.expect(200);
        assert_eq!(answer.header("content-type"), Some(NDJSON));
        assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"acme.ndjson\""));
        assert!(answer.text.ends_with('\n'));
        let lines: Vec<Value> = answer.text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        let tenant = &lines[0]["tenant"];
        assert_eq!((&tenant["id"], &tenant["name"]), (&json!(acme.id), &json!("Äcme \"Corp\"")));
        let of = |table: &str| lines.iter().filter(|line| line["table"] == table).count();
        assert_eq!((of("users"), of("posts"), of("idempotency_keys"), lines.len()), (1, 4, 1, 8));
        let end = &lines.last().expect("a line")["end"];
        assert_eq!((&end["users"], &end["posts"], &end["idempotency_keys"]), (&json!(1), &json!(4), &json!(1)));
        assert_eq!(app.audited(&acme).await.last().expect("an entry"), "tenant.export");
    }

    async fn what_is_exported_can_be_imported_into_every_place(app: TestApp) {
        let acme = inhabited(&app).await;
        let rows = app.rows_of(&acme).await;
        let lines = export(&app, &acme).await.expect(200).text;
        for place in ["shared"].into_iter().chain(app.database.own_places().iter().map(|own| own.isolation())) {
            let made = import(&app, &format!("slug=in-{place}&isolation={place}&domains=false"), &lines).await;
            let copy = imported(&made);
            assert_eq!(made.header("location"), Some(format!("/admin/v1/tenants/{}", copy.id).as_str()));
            let shown = app.shown(&copy).await.expect(200);
            assert_eq!((made.json(), made.etag()), (shown.json(), shown.etag()));
            let tenant = made.json();
            assert_eq!(
                (&tenant["slug"], &tenant["name"], &tenant["status"], &tenant["isolation"]),
                (&json!(format!("in-{place}")), &json!("Äcme \"Corp\""), &json!("active"), &json!(place))
            );
            assert_eq!((&tenant["domains"], &tenant["limits"]), (&json!([]), &json!({"users": 50})));
            assert_ne!(copy.id, acme.id, "there is one of that id");
            assert_eq!(app.rows_of(&copy).await, in_tenant(rows.clone(), &copy));
            keyed(&app, &copy, &rows[0].id).send().await.expect(201);
            assert_eq!(app.rows_of(&copy).await.len(), rows.len(), "what was done once is not done again");
            app.user(&copy, "bob").await;
            assert_eq!(app.audited(&copy).await, ["tenant.import"]);
        }
        assert_eq!(app.rows_of(&acme).await, rows);
    }

    /// The other one has the other database, in which the tenant never was.
    async fn a_tenant_goes_to_another_installation_and_is_the_same(app: TestApp) {
        let other = match &app.database {
            TestDatabase::Postgres(_) => TestDatabase::sqlite().await,
            TestDatabase::Sqlite(_) => TestDatabase::postgres().await,
        };
        let other = TestApp::on(other).await;
        let acme = inhabited(&app).await;
        app.act(&acme, "suspend").await.expect(200);
        let lines = export(&app, &acme).await.expect(200).text;
        let mut there = import(&other, "", &lines).await.expect(201).json();
        let mut here = app.shown(&acme).await.json();
        assert!(there["isolation"] == here["isolation"] || there["isolation"] == "shared", "{there}");
        for tenant in [&mut there, &mut here] {
            for own in ["isolation", "updated_at", "schema_version"] {
                tenant[own] = Value::Null;
            }
        }
        assert_eq!(there, here, "its id, its names and its state");
        for app in [&app, &other] {
            app.act(&acme, "resume").await.expect(200);
        }
        assert_eq!(other.rows_of(&acme).await, app.rows_of(&acme).await);
    }

    async fn lines_that_were_touched_are_named_and_nothing_is_left(app: TestApp) {
        let acme = inhabited(&app).await;
        let whole = export(&app, &acme).await.expect(200).text;
        let lines: Vec<&str> = whole.lines().collect();
        let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat().join("\n");
        for (what, text, line) in [
            ("edited", whole.replace("🦀", "🦞"), lines.iter().position(|line| line.contains('🦀')).expect("it") + 1),
            ("renamed", whole.replace("Äcme", "Acme"), 1),
            ("without the first line", without(0), 1),
            ("without another", without(3), 4),
            ("without the last", without(lines.len() - 1), lines.len()),
            ("cut off in a line", whole[..whole.len() - 10].to_owned(), lines.len()),
            ("twice", whole.repeat(2), lines.len() + 1),
            ("nothing", String::new(), 1),
            ("another thing", "{\"id\": 1}\n".to_owned(), 1),
            ("no text", "\u{0}\u{1}".to_owned(), 1),
        ] {
            let refused = import(&app, "slug=copy&domains=false", &text).await;
            assert_eq!(refused.wrong_fields(), [format!("line {line}")], "{what}");
            nothing_is_left(&app, what).await;
        }
        imported(&import(&app, "slug=copy&domains=false", &whole).await);
    }
}

both_databases! {
    async fn an_export_is_compressed_when_asked_for(app: TestApp) {
        let acme = inhabited(&app).await;
        let path = "/admin/v1/tenants/acme/export";
        let packed = app.get(path).bearer(&tokens::platform()).header("Accept-Encoding", "gzip").send().await.expect(200);
        assert_eq!((packed.header("content-encoding"), packed.header("content-type")), (Some("gzip"), Some(NDJSON)));
        assert!(packed.header("content-length").is_none(), "it is sent as it is read");
        assert_eq!(export(&app, &acme).await.header("content-encoding"), None);
    }

    async fn what_would_break_a_rule_is_refused(app: TestApp) {
        let acme = inhabited(&app).await;
        let lines = export(&app, &acme).await.expect(200).text;
        for (query, due) in [
            ("slug=acme&domains=false", (409, "conflict")),
            ("slug=copy", (409, "conflict")),
            ("slug=copy&domains=true", (409, "conflict")),
            ("slug=www&domains=false", (422, "validation_failed")),
            ("slug=Copy&domains=false", (422, "validation_failed")),
            ("slug=copy&domains=maybe", (422, "validation_failed")),
            ("slug=copy&domains=false&isolation=own", (422, "validation_failed")),
            ("slug=copy&domains=false&datastore=east", (422, "validation_failed")),
        ] {
            import(&app, query, &lines).await.is(due, query);
            nothing_is_left(&app, query).await;
        }
        let datastore = import(&app, "slug=copy&domains=false&datastore=east", &lines).await;
        assert_eq!(datastore.wrong_fields(), ["datastore"]);
        if let TestDatabase::Sqlite(_) = app.database {
            let schema = import(&app, "slug=copy&domains=false&isolation=schema", &lines).await;
            assert_eq!(schema.wrong_fields(), ["isolation"]);
        }
        app.delete("/admin/v1/tenants/acme").bearer(&tokens::platform()).send().await.expect(204);
        import(&app, "", &lines).await.refused(409, "conflict");
    }

    async fn a_suspended_tenant_stays_suspended(app: TestApp) {
        let acme = inhabited(&app).await;
        app.act(&acme, "suspend").await.expect(200);
        let lines = export(&app, &acme).await.expect(200).text;
        let copy = imported(&import(&app, "slug=copy&domains=false", &lines).await);
        assert_eq!(app.shown(&copy).await.json()["status"], "suspended");
        app.act(&copy, "resume").await.expect(200);
        assert_eq!(app.rows_of(&copy).await.len(), 5);
    }

    async fn what_is_not_there_is_not_exported(app: TestApp) {
        let nobody = Tenant { id: Uuid::now_v7().to_string(), slug: "nobody".to_owned() };
        export(&app, &nobody).await.refused(404, "tenant_not_found");
        let acme = inhabited(&app).await;
        app.delete("/admin/v1/tenants/acme").bearer(&tokens::platform()).send().await.expect(204);
        assert!(export(&app, &acme).await.expect(200).text.contains("\"end\""), "a deleted one has everything it had");
    }

    async fn a_body_that_breaks_off_leaves_nothing(app: TestApp) {
        let acme = inhabited(&app).await;
        let lines = export(&app, &acme).await.expect(200).text;
        let own = app.database.own_places().last().expect("a place").isolation();
        for place in ["shared", own] {
            let query = format!("slug=copy&domains=false&isolation={place}");
            let mut sender = Sender::begin(&app, &query, lines.len());
            sender.send(&lines.as_bytes()[..lines.len() / 2]);
            // It has been begun: the name is taken.
            let copy = Tenant { id: String::new(), slug: "copy".to_owned() };
            until(async || app.shown(&copy).await.status == 200).await;
            app.get("/v1/users").bearer(&copy.token("viewer")).send().await.refused(503, "tenant_not_ready");
            drop(sender);
            until(async || app.shown(&copy).await.status == 404).await;
            nothing_is_left(&app, place).await;
        }
        imported(&import(&app, "slug=copy&domains=false", &lines).await);
    }

    async fn a_database_is_not_quoted_to_whoever_forges_lines(app: TestApp) {
        let acme = inhabited(&app).await;
        let lines = export(&app, &acme).await.expect(200).text;
        let forgeries = [
            ("\"role\":\"member\"", "\"role\":\"emperor\"", "a value is not one of those allowed"),
            ("\"fingerprint\":\"", "\"fingerprint\":null,\"location\":\"", "a value is missing"),
            (acme.id.as_str(), acme.id.as_str(), ""),
        ];
        for (was, becomes, why) in forgeries {
            assert!(lines.contains(was), "{was}: {lines}");
            let answer = import(&app, "slug=copy&domains=false", &resealed(&lines.replacen(was, becomes, 1))).await;
            if why.is_empty() {
                answer.expect(201);
                continue;
            }
            // Not the request's id, which may hold whatever digits.
            let told = answer.refused(422, "validation_failed").json()["errors"].to_string();
            assert!(told.contains(why), "{told}");
            for word in ["constraint", "relation", "column", "23", "failed:"] {
                assert!(!told.contains(word), "{word} in {told}");
            }
        }
        for year in ["-262143-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z"] {
            let at = lines.find("\"created_at\":\"").expect("the tenant's");
            let mut forged = lines.clone();
            forged.replace_range(at + 14..at + 14 + lines[at + 14..].find('"').expect("its end"), year);
            let told = import(&app, "slug=other&domains=false", &resealed(&forged)).await;
            assert_eq!(told.wrong_fields(), ["line 1"], "{year}");
        }
    }

    async fn a_copy_does_not_answer_in_the_name_of_the_original(app: TestApp) {
        let acme = inhabited(&app).await;
        let users = app.get("/v1/users").bearer(&acme.token("admin")).send().await.expect(200);
        let ada = users.data()[0]["id"].as_str().expect("an id").to_owned();
        let lines = export(&app, &acme).await.expect(200).text;
        let copy = imported(&import(&app, "slug=copy&domains=false", &lines).await);
        assert_ne!(copy.id, acme.id);
        let again = keyed(&app, &copy, &ada).send().await.expect(201).json();
        assert_eq!(again["tenant_id"], json!(copy.id), "{again}");
        assert_eq!(keyed(&app, &acme, &ada).send().await.expect(201).json()["tenant_id"], json!(acme.id));
    }

    async fn only_lines_are_taken(app: TestApp) {
        let acme = inhabited(&app).await;
        let lines = export(&app, &acme).await.expect(200).text;
        let call = || app.post("/admin/v1/tenants/import?slug=copy&domains=false").bearer(&tokens::platform());
        for kind in ["text/plain", "application/json", "multipart/form-data; boundary=x"] {
            call().text(kind, lines.clone()).send().await.refused(415, "unsupported_media_type");
        }
        let packed = call().header("Content-Encoding", "gzip").text(NDJSON, lines.clone());
        packed.send().await.refused(415, "unsupported_media_type");
        nothing_is_left(&app, "refused").await;
        call().text("application/octet-stream", lines).send().await.expect(201);
    }

    async fn a_body_that_stops_coming_is_given_up(database: TestDatabase) {
        let app = TestApp::with(database, &[("REQUEST_TIMEOUT", "1s")]).await;
        let acme = inhabited(&app).await;
        let lines = export(&app, &acme).await.expect(200).text;
        let mut sender = Sender::begin(&app, "slug=copy&domains=false", lines.len());
        // Slowly, and for longer than any other request may take.
        let half = &lines.as_bytes()[..lines.len() / 2];
        for piece in half.chunks(half.len() / 7) {
            sender.send(piece);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let copy = Tenant { id: String::new(), slug: "copy".to_owned() };
        assert_eq!(app.shown(&copy).await.expect(200).json()["status"], "provisioning");
        until(async || app.shown(&copy).await.status == 404).await;
        nothing_is_left(&app, "stopped").await;
    }
}

/// Lines that were changed, with sums as if they had been exported like that.
fn resealed(lines: &str) -> String {
    let mut sum = String::new();
    let sealed = |line: &str| {
        let rest = &line[r#"{"sum":"","#.len() + 32..];
        let hash = Sha256::new().chain_update(&sum).chain_update(rest).finalize();
        sum = hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>()[..32].to_owned();
        format!("{{\"sum\":\"{sum}\",{rest}\n")
    };
    lines.lines().map(sealed).collect()
}

#[tokio::test]
async fn a_place_that_is_missing_is_told_before_anything_is_sent() {
    let app = TestApp::on(TestDatabase::postgres().await).await;
    for own in app.database.own_places() {
        let tenant = app.tenant_in(&format!("lost-{}", own.isolation()), own.isolation()).await;
        app.database.lose_place(*own, &tenant.id).await;
        export(&app, &tenant).await.refused(503, "unavailable");
    }
}

/// Whoever reads nothing keeps a connection, and the database from forgetting old rows.
#[tokio::test]
async fn an_export_that_nobody_reads_is_given_up() {
    let app = TestApp::with(TestDatabase::postgres().await, &[("REQUEST_TIMEOUT", "1s")]).await;
    let acme = app.tenant("acme").await;
    let ada = app.user(&acme, "ada").await;
    let post = json!({"user_id": ada.id, "title": "Long", "content": "x".repeat(1_000_000)});
    for _ in 0..30 {
        app.post("/v1/posts").bearer(&acme.token("admin")).json(&post).send().await.expect(201);
    }
    let mut reader = TcpStream::connect(app.address()).expect("it listens");
    let token = tokens::platform();
    let head =
        format!("GET /admin/v1/tenants/acme/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    reader.write_all(head.as_bytes()).expect("it reads");
    let held = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'test_serving'
                AND xact_start IS NOT NULL";
    until(async || app.database.number(held).await == 1).await;
    until(async || app.database.number(held).await == 0).await;
    let mut rest = Vec::new();
    // Broken off: there is no end to what was begun.
    let _ = reader.read_to_end(&mut rest);
    assert!(rest.len() < 30_000_000 && !String::from_utf8_lossy(&rest).contains("\"end\":"), "{}", rest.len());
}

/// Sends a body piece by piece, and breaks off when dropped.
struct Sender(TcpStream);

impl Sender {
    fn begin(app: &TestApp, query: &str, length: usize) -> Self {
        let mut stream = TcpStream::connect(app.address()).expect("it listens");
        let token = tokens::platform();
        let head = format!(
            "POST /admin/v1/tenants/import?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: {NDJSON}\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("it reads");
        Self(stream)
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("it reads on");
    }
}

/// Waits until it is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < Duration::from_secs(30), "it does not come to that");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
