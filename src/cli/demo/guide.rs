//! What the demo prints: where it is, and lines to paste.
//!
//! Every line that is not a command begins with `#`, so that the whole can be pasted, and every command carries its own
//! token, so that each can be pasted alone.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use entity::Role;

use super::world::World;
use crate::auth::keys::Keys;
use crate::auth::tokens::{Claims, SignError};

const TTL: Duration = Duration::from_secs(12 * 60 * 60);

/// Quiet, and with an end of line after the answer.
const CURL: &str = r"curl -s -w '\n'";

/// The text for two worlds that are served at this address.
pub(super) fn guide(bound: SocketAddr, worlds: &[World; 2], keys: &Keys, move_seen: &str) -> Result<String, SignError> {
    let base = format!("http://{}", reachable(bound));
    let [acme, globex] = worlds;
    let bearer = |claims: Claims| -> Result<String, SignError> {
        Ok(format!("-H 'Authorization: Bearer {}'", keys.sign(&claims, TTL)?.token))
    };
    let acme_admin = bearer(member(acme, Role::Admin))?;
    let acme_viewer = bearer(member(acme, Role::Viewer))?;
    let globex_admin = bearer(member(globex, Role::Admin))?;
    let globex_viewer = bearer(member(globex, Role::Viewer))?;
    let platform = bearer(Claims::Platform { operator: "demo".to_owned() })?;
    let json = "-H 'Content-Type: application/json'";

    let steps = [
        (
            "acme, as an admin: three users, each with the newest posts",
            format!("'{base}/v1/users?limit=3&include=posts' {acme_admin}"),
        ),
        (
            "acme, as an admin: write a post",
            format!("'{base}/v1/posts' {acme_admin} {json} -d '{{\"title\": \"Hello from the demo\"}}'"),
        ),
        ("acme, as a viewer: search the posts", format!("'{base}/v1/posts?q=gripper&limit=5' {acme_viewer}")),
        (
            "acme, as a viewer: may read, may not write (403 forbidden)",
            format!("'{base}/v1/posts' {acme_viewer} {json} -d '{{\"title\": \"Not mine to write\"}}'"),
        ),
        ("globex, as an admin: the tenant itself", format!("'{base}/v1/tenant' {globex_admin}")),
        ("globex, as a viewer: the newest posts, by page", format!("'{base}/v1/posts?page=1&limit=5' {globex_viewer}")),
        (
            "a token of acme asks for globex: refused (403 tenant_mismatch)",
            format!("'{base}/v1/posts' {acme_admin} -H 'X-Tenant-ID: globex'"),
        ),
        (
            "the platform: all tenants, acme in shared tables and globex in a database of its own",
            format!("'{base}/admin/v1/tenants' {platform}"),
        ),
        (
            "the platform moves acme into a database of its own; /admin/v1/operations/ID says how far it is",
            format!("'{base}/admin/v1/tenants/acme/move' {platform} {json} -d '{{\"isolation\": \"database\"}}'"),
        ),
        ("the platform: every connection pool", format!("'{base}/admin/v1/pools' {platform}")),
        (
            "the platform works in a tenant that it names, and that is written down",
            format!("'{base}/t/globex/v1/users?limit=2' {platform}"),
        ),
        ("the platform: who did what", format!("'{base}/admin/v1/audit' {platform}")),
    ];
    let commands: String = steps.iter().map(|(what, command)| format!("\n# {what}\n{CURL} {command}\n")).collect();
    let end = "# Tokens are good for 12 hours. Ctrl-C stops the demo and throws the database away.";
    Ok(format!("{}{move_seen}{commands}\n{end}\n", introduction(&base, worlds)))
}

fn introduction(base: &str, worlds: &[World]) -> String {
    let counted = |world: &World| {
        let (users, posts) = (world.users.len(), world.posts.len());
        format!("# {:8} {}: {users} users, {posts} posts\n", world.slug, world.name)
    };
    let tenants: String = worlds.iter().map(counted).collect();
    format!("# Tenantry is running on a fresh demo database.\n#\n#   API   {base}\n#   Docs  {base}/docs\n#\n{tenants}")
}

/// The first user of the tenant with this role.
fn member(world: &World, role: Role) -> Claims {
    let user = world.users.iter().find(|user| user.role == role).and_then(|user| user.id);
    Claims::Tenant { subject: user.unwrap_or_default().to_string(), tenant: world.slug.to_owned(), role }
}

/// An address that listens everywhere is reached at this machine's own.
fn reachable(bound: SocketAddr) -> SocketAddr {
    match bound {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, v6.port()).into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::world::worlds;
    use super::*;
    use crate::config::{AuthConfig, Secret};

    fn keys() -> Keys {
        let secret = Some(Secret::new("0123456789abcdef0123456789abcdef"));
        Keys::load(&AuthConfig { secret, ..AuthConfig::default() }).unwrap()
    }

    #[test]
    fn every_line_can_be_pasted() {
        let text = guide("0.0.0.0:80".parse().unwrap(), &worlds(), &keys(), "").unwrap();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            assert!(line.starts_with(&format!("{CURL} 'http://127.0.0.1:80/")), "{line}");
            assert!(line.contains(" -H 'Authorization: Bearer "), "{line}");
        }
    }

    #[test]
    fn every_token_works() {
        let keys = keys();
        let text = guide("127.0.0.1:80".parse().unwrap(), &worlds(), &keys, "").unwrap();
        let tokens: Vec<_> = text.split("Bearer ").skip(1).filter_map(|rest| rest.split('\'').next()).collect();
        assert!(tokens.len() >= 7);
        for token in tokens {
            assert!(keys.verify(token).is_ok(), "{token}");
        }
    }
}
