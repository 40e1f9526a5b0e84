//! `tenantry tenant`: what the admin endpoints do, from a shell.

mod create;
mod relocate;
mod show;
mod stats;
mod transfer;

use clap::{Args, Subcommand};
use entity::{Isolation, TenantQuery, TenantStatus, Transition};

use super::office::{Office, Which};
use super::{Failure, output};

#[derive(Debug, Args)]
pub(super) struct TenantArgs {
    #[command(subcommand)]
    command: TenantCommand,
}

#[derive(Debug, Subcommand)]
enum TenantCommand {
    /// Make a tenant
    Create(create::CreateArgs),
    /// List tenants, newest first
    List(ListArgs),
    /// Show one tenant
    Show {
        #[command(flatten)]
        which: Which,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Refuse a tenant's requests from now on
    Suspend(Which),
    /// Serve a suspended tenant again
    Resume(Which),
    /// Mark a tenant as deleted; nothing is destroyed
    Delete(Which),
    /// Take a deletion back
    Restore(Which),
    /// Move a tenant to another place while it works
    Move(relocate::MoveArgs),
    /// Write everything a tenant owns as lines of JSON
    Export(transfer::ExportArgs),
    /// Make a tenant from the lines of an export: all of it or nothing
    Import(transfer::ImportArgs),
    /// Show what a tenant has and used, or all together
    Stats(stats::StatsArgs),
    /// Destroy everything a deleted tenant has, for good, and print the certificate
    Purge {
        #[command(flatten)]
        which: Which,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only those in this state
    #[arg(long)]
    status: Option<TenantStatus>,
    /// Only those with this isolation
    #[arg(long)]
    isolation: Option<Isolation>,
    /// Only those whose slug or name contains this
    #[arg(long, short)]
    q: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: TenantArgs) -> Result<(), Failure> {
    let office = Office::open().await?;
    let wish = args.command.wish();
    let done = obey(&office, args.command).await;
    if let (Err(failure), Some((action, tenant))) = (&done, wish) {
        office.write_down(action, tenant.as_deref(), failure.as_ref()).await;
    }
    done
}

async fn obey(office: &Office, command: TenantCommand) -> Result<(), Failure> {
    match command {
        TenantCommand::Create(args) => create::run(office, args).await,
        TenantCommand::List(args) => list(office, args).await,
        TenantCommand::Show { which, json } => show::one(office.find(&which).await?, json),
        TenantCommand::Suspend(which) => {
            let id = office.find(&which).await?.id;
            turned(office, office.platform().tenant_suspend(id).await?, "suspended").await
        }
        TenantCommand::Resume(which) => {
            let id = office.find(&which).await?.id;
            turned(office, office.platform().tenant_resume(id).await?, "resumed").await
        }
        TenantCommand::Delete(which) => {
            let id = office.find(&which).await?.id;
            turned(office, office.platform().tenant_delete(id).await?, "deleted").await
        }
        TenantCommand::Restore(which) => {
            let id = office.find(&which).await?.id;
            turned(office, office.platform().tenant_restore(id).await?, "restored").await
        }
        TenantCommand::Move(args) => relocate::run(office, args).await,
        TenantCommand::Export(args) => transfer::export(office, args).await,
        TenantCommand::Import(args) => transfer::import(office, args).await,
        TenantCommand::Stats(args) => stats::run(office, args).await,
        TenantCommand::Purge { which, json } => {
            let id = office.find(&which).await?.id;
            show::certificate(office.platform().tenant_purge(id).await?, json)
        }
    }
}

impl TenantCommand {
    /// How the audit log calls what is asked for, and of which tenant; nothing for what only looks at the catalog.
    fn wish(&self) -> Option<(&'static str, Option<String>)> {
        let of = |which: &Which| Some(which.tenant.clone());
        match self {
            Self::Create(_) => Some(("tenant.create", None)),
            Self::List(_) | Self::Show { .. } | Self::Stats(_) => None,
            Self::Suspend(which) => Some(("tenant.suspend", of(which))),
            Self::Resume(which) => Some(("tenant.resume", of(which))),
            Self::Delete(which) => Some(("tenant.delete", of(which))),
            Self::Restore(which) => Some(("tenant.restore", of(which))),
            Self::Move(args) => Some(("tenant.move", of(&args.which))),
            Self::Export(args) => Some(("tenant.export", of(&args.which))),
            Self::Import(_) => Some(("tenant.import", None)),
            Self::Purge { which, .. } => Some(("tenant.purge", of(which))),
        }
    }
}

/// Says what came of a change of state, once it holds: nobody must be served who was told to be suspended.
async fn turned(office: &Office, transition: Transition, done: &str) -> Result<(), Failure> {
    if matches!(transition, Transition::Done(_)) {
        office.database.until_noticed().await;
    }
    report(transition, done)
}

async fn list(office: &Office, args: ListArgs) -> Result<(), Failure> {
    let query = TenantQuery { status: args.status, isolation: args.isolation, q: args.q };
    show::many(office.tenants(query).await?, args.json)
}

fn report(transition: Transition, done: &str) -> Result<(), Failure> {
    match transition {
        Transition::Done(tenant) => {
            output::print(&format!("{} is {done}: its status is {}", tenant.slug, tenant.status))
        }
        Transition::Already(tenant) => {
            output::print(&format!("nothing to do: the status of {} is {} already", tenant.slug, tenant.status))
        }
        Transition::NotPossible(tenant) => {
            Err(format!("{} cannot be {done}: its status is {}", tenant.slug, tenant.status).into())
        }
        Transition::Missing => Err("the tenant is gone".into()),
    }
}
