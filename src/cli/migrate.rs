//! `tenantry migrate`: the tables of the catalog and of the tenants.

mod progress;
mod report;
mod status;

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};
use entity::migrate::Options;

use super::Failure;
use crate::config::Config;
use progress::Progress;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct MigrateArgs {
    #[command(subcommand)]
    command: Option<MigrateCommand>,
    /// Only this tenant, by slug or id, beside the tables that are there once; can be given several times
    #[arg(long = "tenant", value_name = "SLUG")]
    tenants: Vec<String>,
    /// How many tenants at a time, as far as CONNECTION_BUDGET allows
    #[arg(long, value_name = "N", default_value = "4")]
    concurrency: NonZeroUsize,
    /// Try this tenant's own tables first: if that fails, no other tenant's own are touched
    #[arg(long, value_name = "SLUG")]
    canary: Option<String>,
    /// Begin no more tenants once this many have failed
    #[arg(long, value_name = "N", default_value = "10")]
    max_failures: NonZeroUsize,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum MigrateCommand {
    /// List every migration and whether it is applied, and how far the tenants are
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(args: MigrateArgs) -> Result<(), Failure> {
    let config = Config::from_env()?;
    match args.command {
        Some(MigrateCommand::Status { json }) => status::run(&config, json).await,
        None => apply(&config, args).await,
    }
}

async fn apply(config: &Config, args: MigrateArgs) -> Result<(), Failure> {
    let (dry_run, json) = (args.dry_run, args.json);
    let progress = Progress::new();
    let report = entity::migrate::run(&config.database, &args.into(), &progress).await;
    progress.end();
    report::show(&report?, dry_run, json)
}

impl From<MigrateArgs> for Options {
    fn from(args: MigrateArgs) -> Self {
        Self {
            dry_run: args.dry_run,
            tenants: args.tenants,
            concurrency: args.concurrency.get(),
            canary: args.canary,
            most_failures: args.max_failures.get(),
        }
    }
}
