//! What tenants have and used, on a screen.

use clap::Args;
use entity::UsageQuery;
use serde::Serialize;
use serde_json::Value;

use crate::cli::office::{Office, Which};
use crate::cli::{Failure, output};
use crate::usage::views::{StatsView, TenantStatsView, UsageView};

#[derive(Debug, Args)]
pub(super) struct StatsArgs {
    /// The tenant's slug or id; all tenants together without
    tenant: Option<String>,
    /// Count the tenant's rows and bytes, and correct its tally if it is off
    #[arg(long, requires = "tenant")]
    recount: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(office: &Office, args: StatsArgs) -> Result<(), Failure> {
    let platform = office.platform();
    let Some(tenant) = args.tenant else {
        let hours = platform.usage_list(UsageQuery::default()).await?;
        return show(&StatsView::new(platform.stored_by_all().await?, UsageView::new(&hours, None)), args.json);
    };
    let tenant = office.find(&Which { tenant }).await?;
    if args.recount {
        let recounted = platform.tenant_recount(&tenant).await?;
        let (rows, bytes) = (recounted.rows, recounted.bytes);
        match recounted.was_off {
            true => {
                eprintln!("the tally of {} was {rows} rows and {bytes} bytes too low: it is right now", tenant.slug)
            }
            false => eprintln!("the tally of {} is right", tenant.slug),
        }
    }
    let hours = platform.usage_list(UsageQuery { tenant_id: Some(tenant.id), ..UsageQuery::default() }).await?;
    let stored = platform.stored_by(&tenant).await?;
    show(&TenantStatsView::new(&tenant, stored, UsageView::new(&hours, None)), args.json)
}

/// The same for people and for machines: for people a line for each.
fn show(stats: &impl Serialize, json: bool) -> Result<(), Failure> {
    if json {
        return output::print_json(stats);
    }
    let Value::Object(stats) = serde_json::to_value(stats)? else { return Ok(()) };
    for (label, value) in &stats {
        match value {
            Value::Array(values) if label == "tables" => tables(values)?,
            Value::Array(values) if values.is_empty() => {}
            Value::String(text) => line(label, text)?,
            other => line(label, &other.to_string())?,
        }
    }
    Ok(())
}

fn tables(tables: &[Value]) -> Result<(), Failure> {
    for table in tables {
        let name = table["table"].as_str().unwrap_or_default();
        line(name, &format!("{} rows, {} bytes", table["rows"], table["bytes"]))?;
    }
    Ok(())
}

fn line(label: &str, value: &str) -> Result<(), Failure> {
    output::print(&format!("{:15} {value}", label.replace('_', " ")))
}
