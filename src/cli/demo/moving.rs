//! A tenant is moved while it is written to, in front of the reader.

use std::time::Duration;

use entity::{
    Database, Error, Filter, Gatekeeper, Isolation, Location, NewPost, Operation, Origin, PostColumn, TenantAccess,
    TenantName, WorkState,
};
use tokio::time::sleep;
use uuid::Uuid;

use super::world::World;
use crate::cli::Failure;

/// How often the operation is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// What those posts are called that are written during the move, and are taken away again.
const TITLE: &str = "Written while the tenant moved";

/// What was seen of a move.
pub(super) struct Seen {
    /// Posts that were there before.
    before: u64,
    /// Posts that were written meanwhile, each acknowledged.
    written: u64,
    /// Writes that were refused with the word to try again.
    refused: u64,
    operation: Operation,
}

/// Moves the tenant out of the shared tables into a database of its own, writes to it all the while, and checks that nothing of
/// it is missing.
pub(super) async fn moved(database: &Database, gatekeeper: &Gatekeeper, world: &World) -> Result<Seen, Failure> {
    let before = admitted(gatekeeper, world.id).await?.posts().count(Filter::all()).await?;
    let author = world.posts[0].user_id;
    let admin = gatekeeper.platform_admin("demo", Origin::command_line());
    let target = Location { isolation: Isolation::Database, datastore: None };
    let mut operation = database.platform(&admin).tenant_move(world.id, target).await?;
    let (mut written, mut refused) = (0, 0);
    // Until the tenant is in its new place; the old one is destroyed later, once every request in it must have ended.
    while operation.state == WorkState::Running && operation.phase != "cleaning" {
        match write(gatekeeper, world.id, author).await {
            Ok(()) => written += 1,
            Err(Error::Moving | Error::Busy) => refused += 1,
            Err(error) => return Err(error.into()),
        }
        sleep(LOOK).await;
        let found = database.platform(&admin).operation_find(operation.id).await?;
        operation = found.ok_or("the move's record is gone")?;
    }
    let seen = Seen { before, written, refused, operation };
    seen.check(&admitted(gatekeeper, world.id).await?).await?;
    Ok(seen)
}

async fn admitted(gatekeeper: &Gatekeeper, tenant: Uuid) -> Result<TenantAccess, Error> {
    let located = gatekeeper.find(&[TenantName::Id(tenant)]).await?;
    let located = located.into_iter().next().ok_or_else(|| Error::Internal("the demo's tenant is gone".to_owned()))?;
    gatekeeper.admit(located)
}

/// As a request does: finds the tenant, wherever it is by now, and writes.
async fn write(gatekeeper: &Gatekeeper, tenant: Uuid, user_id: Uuid) -> Result<(), Error> {
    let post = NewPost { user_id, title: TITLE.to_owned(), ..NewPost::default() };
    admitted(gatekeeper, tenant).await?.posts().insert(post).await.map(|_| ())
}

impl Seen {
    /// Everything is in the new place, and then only what belongs to the demo's world.
    async fn check(&self, access: &TenantAccess) -> Result<(), Failure> {
        let is_there = access.tenant().isolation == Isolation::Database;
        let posts = access.posts().count(Filter::all()).await?;
        if !is_there || posts != self.before + self.written {
            return Err(format!("the demo's move went wrong: {posts} posts, {:?}", self.operation).into());
        }
        access.posts().delete_many(Filter::eq(PostColumn::Title, TITLE)).await?;
        Ok(())
    }

    /// For the reader.
    pub(super) fn lines(&self, slug: &str) -> String {
        let Self { before, written, refused, operation } = self;
        let progress = &operation.progress;
        format!(
            "#\n# Just now, {slug} was moved out of the shared tables into a file of its own, while it worked:\n\
             #   {before} posts before, {written} more written during the move, {} there afterwards\n\
             #   {} rows counted and summed up on both sides, writes held for {} ms ({refused} told to try again)\n",
            before + written,
            progress.compared,
            progress.held_ms,
        )
    }
}
