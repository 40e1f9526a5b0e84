# Shortcuts. What CI checks is in .ci/run, which needs no just.

# Lists the recipes.
[private]
default:
    @just --list

# Runs the demo: a server with two filled tenants, tokens and curl lines
demo *arguments:
    cargo run -- demo {{ arguments }}

# Runs every test, or those that the arguments select
test *arguments:
    scripts/test {{ arguments }}

# Runs a command beside PostgreSQL, PgBouncer and Redis of its own
with-servers +command:
    scripts/with-servers {{ command }}

# Checks format, shell scripts and Rust code
lint: (ci "fmt" "shellcheck" "clippy")

# Formats the code
fmt:
    cargo fmt --all

# Builds the documentation of the code as CI checks it
docs: (ci "docs")

# Rewrites docs/openapi.json
openapi:
    cargo run --quiet -- openapi >docs/openapi.json

# Tries the server with made-up requests
schemathesis: (ci "schemathesis")

# Checks licences and who may depend on what (needs cargo-deny)
deny: (ci "deny")

# Makes the database and its roles on a PostgreSQL server
postgres-roles *address:
    @scripts/postgres-roles {{ address }}

# Runs all that CI runs, or some of its steps
ci *steps:
    .ci/run {{ steps }}
