//! `tenantry tenant create`.

use std::error::Error;

use clap::Args;
use entity::{Isolation, Limits, NewTenant};

use super::show;
use crate::cli::office::Office;
use crate::cli::{Failure, output};
use crate::tenancy::slug::{Domain, Slug};

/// Longest shown name, in characters.
const LONGEST_NAME: usize = 100;

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Short name: 2 to 40 of a-z, 0-9 and -
    slug: String,
    /// Shown name [default: the slug]
    #[arg(long, value_parser = name)]
    name: Option<String>,
    /// Where its rows live: in shared tables, in a schema or in a database of its own
    #[arg(long, default_value = "shared", value_name = "MODEL")]
    isolation: Isolation,
    /// On which server of DATASTORES [default: that of DATABASE_URL]
    #[arg(long, value_name = "NAME")]
    datastore: Option<String>,
    /// A host name of its own that names it; can be given several times
    #[arg(long = "domain", value_name = "HOST")]
    domains: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(office: &Office, args: CreateArgs) -> Result<(), Failure> {
    let json = args.json;
    let tenant = office.platform().tenant_create(args.checked(office)?).await?;
    if json {
        return show::one(tenant, json);
    }
    output::print(&format!("{} is made: its id is {}", tenant.slug, tenant.id))
}

impl CreateArgs {
    fn checked(self, office: &Office) -> Result<NewTenant, Failure> {
        office.platform().check_placement(self.isolation, self.datastore.as_deref())?;
        let tenancy = &office.config.tenancy;
        let slug =
            Slug::parse(&self.slug, &tenancy.reserved_slugs).map_err(|error| wrong("slug", &self.slug, &error))?;
        let domain = |text: &String| {
            let domain = Domain::parse(text, tenancy.base_domain.as_deref());
            domain.map(String::from).map_err(|error| wrong("domain", text, &error))
        };
        Ok(NewTenant {
            id: None,
            name: self.name.unwrap_or_else(|| self.slug.clone()),
            slug: slug.into(),
            isolation: self.isolation,
            datastore: self.datastore,
            domains: self.domains.iter().map(domain).collect::<Result<_, _>>()?,
            limits: Limits::default(),
            created_at: None,
        })
    }
}

fn wrong(what: &str, text: &str, error: &dyn Error) -> String {
    format!("the {what} {text:?} {error}")
}

fn name(text: &str) -> Result<String, String> {
    let fits = !text.trim().is_empty() && text.chars().count() <= LONGEST_NAME && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned()).ok_or_else(|| format!("a name has 1 to {LONGEST_NAME} characters on one line"))
}
