//! The command line: one file a command.
//!
//! Results go to standard output and everything else to standard error; a failure is one line. Exit status: 0 done,
//! 1 failed, 2 wrong usage.

mod demo;
mod doctor;
mod keys;
mod migrate;
mod office;
mod openapi;
mod output;
mod progress;
mod serve;
mod telemetry;
mod tenant;
mod token;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Why a command failed. Its text is all that the operator gets, so it must say what to do.
type Failure = Box<dyn Error>;

#[derive(Debug, Parser)]
#[command(name = "tenantry", version, about = "A multi-tenant REST API that keeps tenants apart.")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the HTTP server (the default)
    Serve,
    /// Run the server on a fresh embedded database with two filled tenants
    Demo,
    /// Bring the database's tables to the newest version
    Migrate(migrate::MigrateArgs),
    /// Make, list and change tenants
    Tenant(tenant::TenantArgs),
    /// Change keys, and encrypt what is stored plain
    Keys(keys::KeysArgs),
    /// Print a signed token
    Token(token::TokenArgs),
    /// Prove on the database that isolation holds, and say what does not
    Doctor(doctor::DoctorArgs),
    /// Print the OpenAPI document
    Openapi,
}

/// Does what the command line asks for.
pub fn main() -> ExitCode {
    // Ends the process by itself, with 2 for wrong usage and 0 for `--help`.
    let cli = Cli::parse();
    match actix_web::rt::System::new().block_on(run(cli.command.unwrap_or(Command::Serve))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("tenantry: {}", one_line(&failure.to_string()));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve => serve::run().await,
        Command::Demo => demo::run().await,
        Command::Migrate(args) => migrate::run(args).await,
        Command::Tenant(args) => tenant::run(args).await,
        Command::Keys(args) => keys::run(args).await,
        Command::Token(args) => token::run(args),
        Command::Doctor(args) => doctor::run(args).await,
        Command::Openapi => openapi::run(),
    }
}

/// The account that runs this, for the audit log and as the subject of tokens.
fn login_name() -> String {
    let mut names = ["USER", "LOGNAME", "USERNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    let name = names.find(|name| !name.is_empty());
    name.unwrap_or_else(|| "operator".to_owned())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn refused(line: &str) -> ErrorKind {
        Cli::try_parse_from(line.split(' ')).expect_err(line).kind()
    }

    #[test]
    fn is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serves_when_nothing_is_asked_for() {
        assert!(Cli::try_parse_from(["tenantry"]).unwrap().command.is_none());
    }

    #[test]
    fn a_token_is_for_a_tenant_with_a_role_or_for_the_platform() {
        for line in ["--tenant acme --role admin", "--platform", "--platform --ttl 1h --user ops"] {
            let line = format!("tenantry token {line}");
            assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
        for (line, kind) in [
            ("tenantry token", ErrorKind::MissingRequiredArgument),
            ("tenantry token --tenant acme", ErrorKind::MissingRequiredArgument),
            ("tenantry token --tenant acme --platform", ErrorKind::ArgumentConflict),
            ("tenantry token --platform --role admin", ErrorKind::ArgumentConflict),
            ("tenantry token --tenant acme --role owner", ErrorKind::ValueValidation),
            ("tenantry token --platform --ttl 0s", ErrorKind::ValueValidation),
            ("tenantry token --platform --ttl 900days", ErrorKind::ValueValidation),
        ] {
            assert_eq!(refused(line), kind, "{line}");
        }
    }
}
