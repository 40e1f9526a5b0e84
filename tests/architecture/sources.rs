//! What may be written where.

use crate::source::{Source, sources};

/// Those who start the program or decide who is asking. Everything else is, or serves, handlers.
const TRUSTED: &[&str] =
    &["src/auth/", "src/cli/", "src/config/", "src/config.rs", "src/limits/", "src/main.rs", "src/startup.rs"];

fn handlers() -> impl Iterator<Item = Source> {
    sources("src").into_iter().filter(|source| !TRUSTED.iter().any(|trusted| source.path.starts_with(trusted)))
}

/// With these a handler could open the database itself, or say by itself who is asking. No type can keep them from it:
/// the command line is part of the same crate and has to have them.
#[test]
fn a_handler_names_no_maker_of_proofs() {
    let of_the_data_crate = [
        "DatabaseSettings",
        "Gatekeeper",
        "Located",
        "Observer",
        "PlatformAdmin",
        "Redis",
        "deadpool_redis",
        "doctor",
        "migrate",
        "open",
        "redis",
    ];
    let forbidden = [
        ("entity", &of_the_data_crate[..]),
        ("auth", &["Authenticator", "keys"]),
        ("config", &["AuthConfig", "Config"]),
        ("crate", &["cli", "startup"]),
        ("std", &["env", "process"]),
    ];
    for source in handlers() {
        for (module, makers) in forbidden {
            for name in source.named_below(module) {
                let is_whole = name == module || name == "*" || name == "self";
                assert!(!is_whole, "{} takes all of {module}: name what is needed", source.path);
                assert!(!makers.contains(&name.as_str()), "{} names {module}::{name}", source.path);
            }
        }
    }
}

/// The programs in `tests/ui/` stand outside of the crate; handlers are inside of it. For authentication this makes no
/// difference, as long as nothing in it is visible to just the crate.
#[test]
fn authentication_shows_the_crate_no_more_than_the_world() {
    for source in sources("src/auth") {
        let code: String = source.code.split_whitespace().collect();
        for visible in ["pub(crate)", "pub(in"] {
            assert!(!code.contains(visible), "{} has something {visible}", source.path);
        }
        // What is above the folder's own module is the crate.
        assert!(
            !source.path.ends_with("/mod.rs") || !code.contains("pub(super)"),
            "{} shows the crate more",
            source.path
        );
    }
}

/// A tenant is a value that is passed along. What a request leaves behind, another tenant's request could find.
#[test]
fn nothing_is_remembered_between_requests() {
    let cells = ["ArcSwap", "Atomic", "Cell", "DashMap", "Mutex", "Once", "RwLock"];
    for source in sources("src") {
        for keyword in ["thread_local", "task_local"] {
            assert!(source.words().all(|word| word != keyword), "{} has a {keyword}", source.path);
        }
        for declared in source.statics() {
            let remembers = declared.starts_with("mut ") || cells.iter().any(|cell| declared.contains(cell));
            assert!(!remembers, "{} remembers something in {declared}", source.path);
        }
    }
}

#[test]
fn the_application_writes_no_sql() {
    for source in sources("src") {
        for text in &source.strings {
            assert!(!is_statement(text), "{} writes SQL: {text}", source.path);
        }
    }
}

fn is_statement(text: &str) -> bool {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let is_two = |first: &str, second: &str| {
        text.split_once(first).is_some_and(|(before, after)| {
            (before.is_empty() || before.ends_with([' ', '(', ';'])) && after.contains(second)
        })
    };
    is_two("select ", " from ")
        || is_two("update ", " set ")
        || ["insert into ", "delete from ", "drop table ", "set local ", "set_config("]
            .iter()
            .any(|part| text.contains(part))
}

#[test]
fn sql_is_recognised() {
    for sql in [
        "SELECT * FROM users",
        "select\n    id from posts",
        "WITH all AS (SELECT id FROM posts) TABLE all",
        "UPDATE users SET role = 'admin'",
        "INSERT INTO posts VALUES ($1)",
        "BEGIN; DELETE FROM posts",
    ] {
        assert!(is_statement(sql), "{sql}");
    }
    for text in ["Update a user", "The selected rows come from one tenant.", "List users"] {
        assert!(!is_statement(text), "{text}");
    }
}

#[test]
fn the_data_crate_re_exports_no_database_crate() {
    let crates = ["sea_orm", "sea_query", "sqlx", "migration", "deadpool"];
    for source in sources("entity/src") {
        for item in source.code.split("pub ").skip(1) {
            let item = item.split(';').next().unwrap_or_default();
            let exports = ["use ", "extern crate ", "type "].iter().any(|kind| item.starts_with(kind));
            let named = crates.iter().find(|name| {
                item.split(|next: char| !next.is_alphanumeric() && next != '_').any(|word| word == **name)
            });
            assert!(!exports || named.is_none(), "{} exports {item}", source.path);
        }
    }
}

/// No matter how it is reached: a type on which SeaORM runs statements, or which lends one, is a way out.
#[test]
fn nothing_in_the_data_crate_is_or_lends_a_connection() {
    let traits =
        ["ConnectionTrait", "StreamTrait", "TransactionTrait", "Executor", "Acquire", "Deref", "AsRef", "Borrow"];
    for source in sources("entity/src") {
        for implementation in source.code.split("impl").skip(1) {
            let head = implementation.split('{').next().unwrap_or_default();
            let Some((implemented, _)) = head.split_once(" for ") else { continue };
            let named = traits
                .iter()
                .find(|name| implemented.split(|next: char| !next.is_alphanumeric()).any(|word| word == **name));
            assert!(named.is_none(), "{} implements {head}", source.path);
        }
    }
}
