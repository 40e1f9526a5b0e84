//! Every command explains itself, and wrong usage is told from failure.

use crate::support::Shell;

#[test]
fn every_command_has_help() {
    let shell = Shell::bare();
    for (command, says) in [
        ("", "Commands:"),
        ("serve", "Run the HTTP server"),
        ("demo", "two filled tenants"),
        ("migrate", "--dry-run"),
        ("migrate status", "--json"),
        ("tenant", "Commands:"),
        ("tenant create", "--name"),
        ("tenant list", "--json"),
        ("tenant show", "--json"),
        ("tenant suspend", "<TENANT>"),
        ("tenant resume", "<TENANT>"),
        ("tenant delete", "<TENANT>"),
        ("tenant restore", "<TENANT>"),
        ("tenant export", "--contents"),
        ("keys", "Commands:"),
        ("keys rotate", "--master"),
        ("keys encrypt", "--tenant"),
        ("token", "--ttl"),
        ("doctor", "--json"),
        ("openapi", "OpenAPI"),
    ] {
        let help = shell.prints(&format!("{command} --help"));
        assert!(help.contains(says), "{command}: {help}");
        assert!(help.contains("Usage: tenantry"), "{command}: {help}");
    }
    assert!(shell.prints("--version").starts_with("tenantry "));
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_right() {
    let shell = Shell::bare();
    for line in [
        "serve now",
        "sreve",
        "--json",
        "migrate status all",
        "migrate --dry-run status",
        "migrate --concurrency 0",
        "migrate --max-failures 0",
        "migrate --canary",
        "tenant",
        "tenant create",
        "tenant show",
        "tenant show a b",
        "tenant list --status sleeping",
        "tenant list --isolation none",
        "tenant export acme --contents none",
        "keys",
        "keys rotate acme",
        "keys rotate --master --tenant acme",
        "token",
        "token --tenant acme",
        "token --tenant acme --role owner",
        "token --tenant acme --platform",
        "token --platform --role admin",
        "token --platform --ttl 0s",
        "token --platform --ttl soon",
        "openapi --json",
    ] {
        let outcome = shell.run(line).exited(2);
        assert!(outcome.out().is_empty(), "{line} printed {}", outcome.out());
        assert!(outcome.err().contains("--help"), "{line}: {}", outcome.err());
    }
    assert!(!shell.directory().join("data").exists(), "wrong usage touched the database");
}
