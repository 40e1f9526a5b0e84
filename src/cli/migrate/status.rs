//! `tenantry migrate status`: every migration, and how far the tenants with tables of their own are.

use entity::migrate::{Fleet, FleetVersion, MigrationStatus, Status};

use crate::cli::{Failure, one_line, output};
use crate::config::Config;

pub(super) async fn run(config: &Config, json: bool) -> Result<(), Failure> {
    let status = entity::migrate::status(&config.database).await?;
    if json {
        output::print_json(&status)?;
    } else {
        show(&status)?;
    }
    match status.away.first() {
        Some(away) => Err(format!("the datastore {} cannot be asked: {}", away.datastore, away.error).into()),
        None => Ok(()),
    }
}

fn show(status: &Status) -> Result<(), Failure> {
    migrations(&status.migrations)?;
    match &status.fleet {
        Some(fleet) if !fleet.versions.is_empty() => tenants(fleet),
        _ => Ok(()),
    }
}

fn migrations(all: &[MigrationStatus]) -> Result<(), Failure> {
    let row = |one: &MigrationStatus| {
        let state = if one.applied { "applied" } else { "pending" };
        let datastore = one.datastore.as_deref().unwrap_or("-");
        [one.set.to_owned(), one.name.clone(), datastore.to_owned(), state.to_owned()]
    };
    output::print_table(["set", "migration", "datastore", "state"], &all.iter().map(row).collect::<Vec<_>>())
}

fn tenants(fleet: &Fleet) -> Result<(), Failure> {
    output::print("")?;
    let row = |one: &FleetVersion| {
        let version = format!("{} of {}", one.version, fleet.newest);
        [version, one.state.clone().unwrap_or_else(|| "-".to_owned()), one.tenants.to_string()]
    };
    output::print_table(["version", "state", "tenants"], &fleet.versions.iter().map(row).collect::<Vec<_>>())?;
    fleet.failed.iter().try_for_each(|one| output::print(&format!("FAILED {}: {}", one.tenant, one_line(&one.error))))
}
