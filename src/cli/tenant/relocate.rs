//! `tenantry tenant move`.

use std::time::Duration;

use clap::Args;
use entity::{Isolation, Location, Operation, WorkState};
use tokio::time::{Instant, sleep};

use crate::cli::office::{Office, Which, WrittenDown};
use crate::cli::progress::Meter;
use crate::cli::{Failure, output};
use crate::operations::views::OperationView;

/// How often the operation is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How often it is seen to that somebody is at the operation: whoever was may have died, or met with what has passed by now.
const SEE_TO: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub(super) struct MoveArgs {
    #[command(flatten)]
    pub(super) which: Which,
    /// Where its rows are to live: in shared tables, in a schema or in a database of its own
    #[arg(long, value_name = "MODEL")]
    isolation: Isolation,
    /// On which server of DATASTORES [default: that of DATABASE_URL]
    #[arg(long, value_name = "NAME")]
    datastore: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(office: &Office, args: MoveArgs) -> Result<(), Failure> {
    let tenant = office.find(&args.which).await?;
    let target = Location { isolation: args.isolation, datastore: args.datastore };
    let begun = office.platform().tenant_move(tenant.id, target).await?;
    let ended = followed(office, begun).await?;
    if args.json {
        output::print_json(&OperationView::from(ended.clone()))?;
    }
    match ended.state {
        WorkState::Done if args.json => Ok(()),
        WorkState::Done => output::print(&format!(
            "{} is moved: {} rows compared, writes were held for {} ms",
            tenant.slug, ended.progress.compared, ended.progress.held_ms
        )),
        _ => {
            let why = ended.error.unwrap_or_default();
            Err(WrittenDown(format!("{} stays where it was: {why}", tenant.slug)).into())
        }
    }
}

/// Shows how far the operation is until it has ended.
async fn followed(office: &Office, mut operation: Operation) -> Result<Operation, Failure> {
    let meter = Meter::new("rows copied");
    let (mut phase, mut seen_to) = (String::new(), Instant::now());
    loop {
        if operation.phase != phase {
            operation.phase.clone_into(&mut phase);
            meter.says(sentence(&operation));
        }
        meter.at(operation.progress.copied, operation.progress.rows);
        if operation.state != WorkState::Running {
            meter.end();
            return Ok(operation);
        }
        if seen_to.elapsed() > SEE_TO {
            office.platform().operation_resume(&operation);
            seen_to = Instant::now();
        }
        sleep(LOOK).await;
        let found = office.platform().operation_find(operation.id).await?;
        operation = found.ok_or("the operation is gone")?;
    }
}

fn sentence(operation: &Operation) -> &'static str {
    match operation.phase.as_str() {
        "preparing" => "looking at both places",
        "making" => "making the new place",
        "copying" => "copying while the tenant works",
        "holding" => "holding writes: carrying the last changes over and comparing every row",
        "cleaning" => "moved: destroying the old place once nobody can be in it any more",
        "reverting" => "going back: destroying the new place",
        _ => "ended",
    }
}
