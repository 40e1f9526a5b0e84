//! `tenantry keys`: tenants' data keys, and the master key above them.

mod following;

use clap::{Args, Subcommand};
use entity::{Error, Operation, Tenant, TenantQuery, TenantStatus};

use super::office::{Office, Which};
use super::progress::Meter;
use super::{Failure, output};
use following::Following;

#[derive(Debug, Args)]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Give tenants new data keys, and seal their rows with them while they work
    Rotate {
        #[command(flatten)]
        whose: Whose,
        /// Only wrap every data key with the present master key; no row is touched
        #[arg(long, conflicts_with = "tenant")]
        master: bool,
    },
    /// Seal the rows that are not sealed yet, or not with the newest key, while tenants work
    Encrypt(Whose),
}

#[derive(Debug, Args)]
struct Whose {
    /// Only this tenant, by slug or id; can be given several times [default: all]
    #[arg(long, value_name = "SLUG")]
    tenant: Vec<String>,
}

/// What is done to each tenant.
#[derive(Clone, Copy)]
enum Work {
    Rotate,
    Encrypt,
}

impl Work {
    /// How the audit log calls it.
    fn action(self) -> &'static str {
        match self {
            Self::Rotate => "tenant.keys.rotate",
            Self::Encrypt => "tenant.keys.encrypt",
        }
    }
}

pub(super) async fn run(args: KeysArgs) -> Result<(), Failure> {
    let office = Office::open().await?;
    match args.command {
        KeysCommand::Rotate { master: true, .. } => {
            let done = rewrap(&office).await;
            if let Err(failure) = &done {
                office.write_down("keys.rewrap", None, failure.as_ref()).await;
            }
            done
        }
        KeysCommand::Rotate { whose, .. } => work(&office, &whose, Work::Rotate).await,
        KeysCommand::Encrypt(whose) => work(&office, &whose, Work::Encrypt).await,
    }
}

async fn rewrap(office: &Office) -> Result<(), Failure> {
    let meter = Meter::new("data keys");
    let wrapped = office.platform().keys_rewrap(|done, of| meter.at(done, of)).await?;
    meter.end();
    output::print(&match wrapped {
        0 => "nothing to do: the present master key wraps every data key".to_owned(),
        1 => "1 data key is wrapped with the present master key now".to_owned(),
        many => format!("{many} data keys are wrapped with the present master key now"),
    })
}

/// Whoever cannot be begun with, or fails, does not keep the others from it.
async fn work(office: &Office, whose: &Whose, work: Work) -> Result<(), Failure> {
    let mut following = Following::new(office);
    for tenant in named(office, whose).await? {
        following.make_room().await?;
        match begin(office, &tenant, work).await {
            Ok(operation) => following.add(tenant.slug, operation),
            Err(error) => {
                office.write_down(work.action(), Some(&tenant.slug), &error).await;
                following.failed(&tenant.slug, &error.to_string());
            }
        }
    }
    let told = following.finish().await?;
    let (tenants, rows) = (counted(told.done, "tenant"), counted(told.rows, "row"));
    output::print(&match work {
        Work::Rotate => format!("new keys: {tenants}, {rows} sealed again"),
        Work::Encrypt => format!("sealed: {tenants}, {rows} that had not been"),
    })?;
    if told.failed == 0 {
        Ok(())
    } else {
        Err(format!("{} failed: they are named above", counted(told.failed, "tenant")).into())
    }
}

async fn begin(office: &Office, tenant: &Tenant, work: Work) -> Result<Operation, Error> {
    match work {
        Work::Rotate => office.platform().tenant_rotate_key(tenant.id).await,
        Work::Encrypt => office.platform().tenant_encrypt(tenant.id).await,
    }
}

/// Those that were named, or else all that have a place.
async fn named(office: &Office, whose: &Whose) -> Result<Vec<Tenant>, Failure> {
    let mut tenants = Vec::new();
    for tenant in &whose.tenant {
        tenants.push(office.find(&Which { tenant: tenant.clone() }).await?);
    }
    if whose.tenant.is_empty() {
        tenants = office.tenants(TenantQuery::default()).await?;
        tenants.retain(|tenant| tenant.status != TenantStatus::Provisioning);
    }
    Ok(tenants)
}

fn counted(count: u64, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}
