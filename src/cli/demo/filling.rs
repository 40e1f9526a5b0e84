//! Writes the demo's tenants through the same doors as everybody else.

use entity::{Database, Gatekeeper, Isolation, Limits, NewTenant, Origin, TenantName};

use super::world::World;
use crate::cli::Failure;

pub(super) async fn fill(database: &Database, gatekeeper: &Gatekeeper, worlds: &[World]) -> Result<(), Failure> {
    let admin = gatekeeper.platform_admin("demo", Origin::command_line());
    for world in worlds {
        database.platform(&admin).tenant_create(new_tenant(world)).await?;
        let located = gatekeeper.find(&[TenantName::Id(world.id)]).await?;
        for tenant in located {
            let access = gatekeeper.admit(tenant)?;
            access.users().insert_many(world.users.clone()).await?;
            access.posts().insert_many(world.posts.clone()).await?;
        }
    }
    Ok(())
}

fn new_tenant(world: &World) -> NewTenant {
    NewTenant {
        id: Some(world.id),
        slug: world.slug.to_owned(),
        name: world.name.to_owned(),
        isolation: Isolation::Shared,
        datastore: None,
        domains: vec![world.domain()],
        limits: Limits::default(),
        created_at: Some(world.created_at),
    }
}
