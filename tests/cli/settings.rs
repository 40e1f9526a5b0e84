//! A wrong value stops the start with one line that names the variable and what it takes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::support::{SECRET, Shell};

const A_TIME: &str = "a time from ";
const A_NUMBER: &str = "a whole number from 1 to 10000";

/// The variable, a value that it does not take, and a part of what it takes.
const WRONG: &[(&str, &str, &str)] = &[
    ("DATABASE_URL", "mysql://root:hunter2@127.0.0.1/x", "postgres://"),
    ("DATABASE_URL", "hunter2", "sqlite://"),
    ("DATABASE_URL", "postgres://me:hunter2@127.0.0.1:port/x", "postgres://"),
    ("DATABASE_URL", "sqlite://:memory:", "a file"),
    ("DATABASE_URL", "sqlite://x.db?mode=hunter2", "sqlite://"),
    ("DATABASE_OWNER_URL", "hunter2", "postgres://"),
    ("DATABASE_OWNER_URL", "postgres://me:hunter2@127.0.0.1/x", "the same kind of database as DATABASE_URL"),
    ("DATABASE_OWNER_URL", "sqlite://hunter2.db", "the file of DATABASE_URL"),
    ("DATABASE_PLATFORM_URL", "hunter2", "postgres://"),
    ("DATABASE_PLATFORM_URL", "postgres://me:hunter2@127.0.0.1/x", "the same kind of database as DATABASE_URL"),
    ("CONNECTION_BUDGET", "1", "at least 2"),
    ("CONNECTION_BUDGET", "many", A_NUMBER),
    ("CONNECTION_BUDGET", "-5", A_NUMBER),
    ("POOL_MIN", "0", A_NUMBER),
    ("POOL_MIN", "51", "at most what POOL_MAX is"),
    ("POOL_MAX", "1.5", A_NUMBER),
    ("POOL_MAX", "10001", A_NUMBER),
    ("POOL_GROW_ABOVE", "0", "a whole number from 1 to 100"),
    ("POOL_GROW_ABOVE", "80%", "a whole number from 1 to 100"),
    ("POOL_GROW_BY", "0", A_NUMBER),
    ("POOL_SHRINK_BELOW", "80", "less than what POOL_GROW_ABOVE is"),
    ("POOL_SHRINK_BELOW", "100", "a whole number from 0 to 99"),
    ("POOL_SHRINK_BY", "none", A_NUMBER),
    ("POOL_IDLE", "soon", "1m"),
    ("DATASTORES", "east=postgres://me:hunter2@127.0.0.1/x", "only beside a postgres:// DATABASE_URL"),
    ("STATEMENT_TIMEOUT", "0s", "1ms"),
    ("STATEMENT_TIMEOUT", "10", "10s"),
    ("SLOW_STATEMENT", "never", "off"),
    ("REDIS_URL", "hunter2", "redis://host:port"),
    ("REDIS_URL", "http://me:hunter2@127.0.0.1", "redis://host:port"),
    ("CACHE", "maybe", "on, off, tenants, or alone"),
    ("CACHE_TTL", "soon", "60s"),
    ("TENANT_CACHE_TTL", "soon", "1s"),
    ("TENANT_CACHE_TTL", "20s", "at most half of what REQUEST_TIMEOUT is"),
    ("CACHE_SIZE", "1KiB", "a size from 64KiB to 64GiB"),
    ("BIND_ADDR", "localhost", "an IP address and a port"),
    ("BIND_ADDR", "127.0.0.1", "an IP address and a port"),
    ("BIND_ADDR", "127.0.0.1:70000", "an IP address and a port"),
    ("JWT_SECRET", "hunter2", "at least 32 bytes"),
    ("JWT_SECRET", "hunter2 hunter2 hunter2 hunter2", "at least 32 bytes, not 31"),
    ("JWT_PUBLIC_KEY_FILE", "no/such.pem", "cannot be read"),
    ("JWT_PUBLIC_KEY_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "JWT_PUBLIC_KEY_FILE="),
    ("JWT_PUBLIC_KEY_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/rsa-1024-public.pem"), "2048"),
    ("JWKS_FILE", "no/such.json", "cannot be read"),
    ("JWKS_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "JWKS_FILE="),
    ("TRUSTED_PROXIES", "localhost", "addresses or networks separated by commas"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "the http address of a collector"),
    ("TENANT_RESOLVERS", "token,cookie", "one or more of token, subdomain, header and path"),
    ("TENANT_RESOLVERS", ",", "one or more of token, subdomain, header and path"),
    ("BASE_DOMAIN", "https://example.com", "a domain without scheme and port"),
    ("BASE_DOMAIN", "example.com:80", "a domain without scheme and port"),
    ("RESERVED_SLUGS", "blog,no blanks", "names of a-z, 0-9 and -"),
    ("REQUEST_TIMEOUT", "soon", A_TIME),
    ("REQUEST_TIMEOUT", "0s", A_TIME),
    ("REQUEST_TIMEOUT", "2h", A_TIME),
    ("SHUTDOWN_GRACE", "-1s", A_TIME),
    ("BODY_LIMIT", "0", "a size from 1B to 1GiB"),
    ("BODY_LIMIT", "2GiB", "a size from 1B to 1GiB"),
    ("BODY_LIMIT", "big", "a size from 1B to 1GiB"),
    ("CORS_ORIGINS", "app.example.com", "origins separated by commas"),
    ("CORS_ORIGINS", "https://app.example.com/path", "origins separated by commas"),
    ("CORS_ORIGINS", "*", "origins separated by commas"),
    ("ENCRYPTION_MASTER_KEY", "hunter2", "32 random bytes in base64"),
    ("ENCRYPTION_MASTER_KEY_FILE", "/nowhere/hunter2", "32 random bytes in base64"),
    ("ENCRYPTION_PREVIOUS_MASTER_KEYS", "hunter2", "32 random bytes in base64"),
    ("ENCRYPTION_KEY_TTL", "soon", "a duration from 1ms to 1day"),
    ("REDIS_URL", "localhost:hunter2", "redis://host:port"),
    ("RATE_LIMIT", "0", "a whole number from 1 to 1000000"),
    ("CONCURRENCY_LIMIT", "few", "a whole number from 1 to 1000000"),
    ("USAGE_RETENTION", "1h", "a time from 1day to 10years"),
    ("METRICS_TENANTS", "1001", "a whole number from 0 to 1000"),
    ("LOG_FORMAT", "xml", "pretty or json"),
    ("RUST_LOG", "tenantry=loud", "log directives"),
];

#[test]
fn a_secret_that_is_no_text_is_refused() {
    let shell = Shell::bare().with("BIND_ADDR", "127.0.0.1:0");
    let mut command = shell.command("serve");
    command.env("JWT_SECRET", OsStr::from_bytes(&[200; 40]));
    let output = command.output().expect("serve runs");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "tenantry: JWT_SECRET: it takes text in UTF-8\n");
}

#[test]
fn a_wrong_value_is_one_line_that_names_the_variable_and_what_it_takes() {
    for (variable, value, takes) in WRONG {
        let shell = Shell::bare().with("JWT_SECRET", SECRET).with("BIND_ADDR", "127.0.0.1:0").with(variable, value);
        let shell = if *variable == "RUST_LOG" { shell } else { shell.with("RUST_LOG", "info") };
        let reason = shell.fails("serve");
        assert!(!shell.directory().join("data").exists(), "{variable}={value}: settings come before the database");
        assert!(reason.contains(variable), "{variable}={value}: {reason}");
        assert!(reason.contains(takes), "{variable}={value}: {reason}");
        assert!(!reason.contains("hunter2") && !reason.contains(SECRET), "{variable}={value} shows a secret: {reason}");
    }
}

#[test]
fn a_wrong_server_is_named_without_its_password() {
    let home = "postgres://me:hunter2@127.0.0.1:1/x";
    for (value, takes) in [
        ("postgres://me:hunter2@127.0.0.1/y", "name=postgres://"),
        ("East=postgres://me:hunter2@127.0.0.1/y", "a name is of a-z"),
        ("east=mysql://me:hunter2@127.0.0.1/y", "postgres://"),
        ("east=sqlite://hunter2.db", "postgres:// addresses"),
        ("east=postgres://me:hunter2@127.0.0.1:1/x", "not that of DATABASE_URL"),
        ("east=postgres://127.0.0.1/y,east=postgres://127.0.0.1/z", "each name and each database once"),
    ] {
        let reason = Shell::bare().with("DATABASE_URL", home).with("DATASTORES", value).fails("migrate");
        assert!(reason.contains("DATASTORES") && reason.contains(takes), "{value}: {reason}");
        assert!(!reason.contains("hunter2"), "{value} shows a secret: {reason}");
    }
}

#[test]
fn every_setting_of_this_version_is_in_the_table_or_takes_any_text() {
    let any_text = ["JWT_ISSUER", "JWT_AUDIENCE", "OTEL_SERVICE_NAME"];
    let example = include_str!("../../.env.example");
    let names = example.lines().filter_map(|line| line.trim_start_matches(['#', ' ']).split_once('='));
    let names: Vec<_> = names.map(|(name, _)| name).filter(|name| !name.contains(' ')).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let tried = WRONG.iter().any(|(variable, ..)| *variable == name);
        assert!(tried || any_text.contains(&name), "{name} is not tried with a wrong value");
    }
}

#[test]
fn other_commands_say_it_too() {
    for line in ["migrate", "migrate status", "tenant list", "doctor", "token --platform"] {
        let reason = Shell::bare().with("POOL_MAX", "none").fails(line);
        assert!(reason.contains("POOL_MAX") && reason.contains(A_NUMBER), "{line}: {reason}");
    }
}
