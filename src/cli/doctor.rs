//! `tenantry doctor`: proof on the running database that isolation holds.

use clap::Args;
use entity::doctor::Check;
use serde_json::json;

use super::{Failure, output};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: DoctorArgs) -> Result<(), Failure> {
    let config = Config::from_env()?;
    let checks = entity::doctor::examine(&config.database).await?;
    if args.json {
        let row = |check: &Check| json!({ "name": check.name, "ok": check.ok, "finding": check.finding });
        output::print_json(&checks.iter().map(row).collect::<Vec<_>>())?;
    } else {
        output::print(&format!("database: {}", config.database.describe()))?;
        for check in &checks {
            let verdict = if check.ok { "ok    " } else { "FAILED" };
            output::print(&format!("{verdict} {}: {}", check.name, check.finding))?;
        }
    }
    match checks.iter().filter(|check| !check.ok).count() {
        0 => Ok(()),
        1 => Err("1 check failed: this database is not as it should be".into()),
        many => Err(format!("{many} checks failed: this database is not as it should be").into()),
    }
}
