//! `tenantry migrate`: the tables of the catalog and of the tenants.

use clap::{Args, Subcommand};
use entity::migrate::MigrationStatus;

use super::{Failure, output};
use crate::config::Config;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct MigrateArgs {
    #[command(subcommand)]
    command: Option<MigrateCommand>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum MigrateCommand {
    /// List every migration and whether it is applied
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(args: MigrateArgs) -> Result<(), Failure> {
    let config = Config::from_env()?;
    match args.command {
        Some(MigrateCommand::Status { json }) => status(&config, json).await,
        None => apply(&config, &args).await,
    }
}

async fn apply(config: &Config, args: &MigrateArgs) -> Result<(), Failure> {
    let options = entity::migrate::Options { dry_run: args.dry_run, ..Default::default() };
    let applied = entity::migrate::run(&config.database, &options, &()).await?.applied;
    if args.json {
        return output::print_json(&applied);
    }
    let verb = if args.dry_run { "would apply" } else { "applied" };
    for one in &applied {
        output::print(&format!("{verb} {} {}", one.set, one.name))?;
    }
    match applied.len() {
        0 => output::print("nothing to do: the tables are of the newest version"),
        _ => Ok(()),
    }
}

async fn status(config: &Config, json: bool) -> Result<(), Failure> {
    let all = entity::migrate::status(&config.database).await?;
    if json {
        return output::print_json(&all);
    }
    let row = |one: &MigrationStatus| {
        let state = if one.applied { "applied" } else { "pending" };
        [one.set.to_string(), one.name.clone(), state.to_owned()]
    };
    output::print_table(["set", "migration", "state"], &all.iter().map(row).collect::<Vec<_>>())
}
