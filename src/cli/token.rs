//! `tenantry token`: a signed token, and nothing else on standard output.

use std::time::Duration;

use clap::{ArgGroup, Args};
use entity::Role;

use super::{Failure, login_name, output};
use crate::auth::keys::Keys;
use crate::auth::tokens::{Claims, LONGEST_TTL};
use crate::config::Config;

/// A token for somebody inside a tenant, or for the platform. The database is not asked: whether there is such a tenant
/// shows when the token is used.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whom").required(true).args(["tenant", "platform"])))]
pub(super) struct TokenArgs {
    /// The tenant's slug or id
    #[arg(long, value_name = "SLUG", requires = "role")]
    tenant: Option<String>,
    /// viewer, member or admin
    #[arg(long, conflicts_with = "platform")]
    role: Option<Role>,
    /// For the platform: the admin endpoints, and every tenant
    #[arg(long)]
    platform: bool,
    /// Whom the token speaks for: a user's id, or the operator's name [default: your login name]
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// How long it is good for
    #[arg(long, default_value = "1h", value_parser = ttl)]
    ttl: Duration,
}

pub(super) fn run(args: TokenArgs) -> Result<(), Failure> {
    let config = Config::from_env()?;
    let subject = args.user.unwrap_or_else(login_name);
    let claims = match (args.tenant, args.role) {
        (Some(tenant), Some(role)) => Claims::Tenant { subject, tenant, role },
        _ => Claims::Platform { operator: subject },
    };
    let signed = Keys::load(&config.auth)?.sign(&claims, args.ttl)?;
    output::print(&signed.token)
}

fn ttl(text: &str) -> Result<Duration, String> {
    let ttl = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (Duration::from_secs(1)..=LONGEST_TTL).contains(&ttl) {
        Ok(ttl)
    } else {
        Err("a token can be good for 1s to 30days".to_owned())
    }
}
