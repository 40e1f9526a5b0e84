//! `tenantry tenant export` and `import`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use clap::Args;
use entity::{Contents, ImportOptions, Isolation};

use super::show;
use crate::cli::office::{Office, Which};
use crate::cli::progress::Meter;
use crate::cli::{Failure, output};
use crate::tenants::judge;

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    pub(super) which: Which,
    /// Sealed contents opened, or as they are stored: only whoever has the master key can then import them
    #[arg(long, value_name = "HOW", default_value = "plain")]
    contents: Contents,
    /// The file to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The file to read; `-` is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Another short name than it had
    #[arg(long)]
    slug: Option<String>,
    /// Where its rows are to live [default: as they did, or shared where that cannot be]
    #[arg(long, value_name = "MODEL")]
    isolation: Option<Isolation>,
    /// On which server of DATASTORES [default: that of DATABASE_URL]
    #[arg(long, value_name = "NAME")]
    datastore: Option<String>,
    /// Leave its custom domains behind, as they must be where they name another tenant
    #[arg(long)]
    no_domains: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn export(office: &Office, args: ExportArgs) -> Result<(), Failure> {
    let tenant = office.find(&args.which).await?;
    let mut export = office.platform().tenant_export(&tenant, args.contents).await?;
    let (mut out, meter) = (opened(args.output.as_ref())?, Meter::new("bytes"));
    let mut written = 0;
    while let Some(lines) = export.next().await? {
        out.write_all(&lines)?;
        written += lines.len() as u64;
        meter.at(written, written);
    }
    out.flush()?;
    meter.end();
    match args.output {
        Some(path) => output::print(&format!("{} is exported: {written} bytes in {}", tenant.slug, path.display())),
        None => Ok(()),
    }
}

pub(super) async fn import(office: &Office, args: ImportArgs) -> Result<(), Failure> {
    let is_file = args.file.as_os_str() != "-";
    let (mut input, size): (Box<dyn Read>, u64) = if is_file {
        let file = File::open(&args.file).map_err(|error| format!("{}: {error}", args.file.display()))?;
        let size = file.metadata()?.len();
        (Box::new(file), size)
    } else {
        (Box::new(io::stdin()), 0)
    };
    let options = ImportOptions {
        slug: args.slug,
        isolation: args.isolation,
        datastore: args.datastore,
        without_domains: args.no_domains,
    };
    let mut import = office.platform().tenant_import(options, judge(office.config.tenancy.clone()));
    let (meter, mut taken, mut piece) = (Meter::new("bytes"), 0, vec![0; PIECE]);
    loop {
        let length = input.read(&mut piece)?;
        if length == 0 {
            break;
        }
        import.push(&piece[..length]).await.map_err(advice)?;
        taken += length as u64;
        meter.at(taken, size);
    }
    let tenant = import.finish().await.map_err(advice)?;
    meter.end();
    if args.json {
        return show::one(tenant, true);
    }
    output::print(&format!("{} is imported: its id is {}, its isolation {}", tenant.slug, tenant.id, tenant.isolation))
}

/// Says what to do about what another tenant has.
fn advice(error: entity::Error) -> Failure {
    match error {
        entity::Error::Conflict { field: Some("domains") } => {
            "one of its domains is taken: leave them behind with --no-domains".into()
        }
        entity::Error::Conflict { field: Some("slug") } => "slug is taken: give another one with --slug".into(),
        other => other.into(),
    }
}

fn opened(path: Option<&PathBuf>) -> Result<Box<dyn Write>, Failure> {
    Ok(match path {
        Some(path) => Box::new(File::create(path).map_err(|error| format!("{}: {error}", path.display()))?),
        None => Box::new(io::stdout().lock()),
    })
}
