//! Pieces that are nobody's business outside, for the micro-benchmarks to time: only with the feature `micro`.

use uuid::Uuid;

use crate::Filter;
use crate::connection::Standing;
use crate::encryption::{DataKey, KeyBytes, Slot, Stored};
use crate::entities::post::{Column, Model as Post};
use crate::scoped::{Direction, Reading};
use crate::session::TenantAccess;

/// Makes the statement that reads a post by its id, and says how long it is.
pub fn read_by_id(access: &TenantAccess, id: Uuid) -> usize {
    made(access, Reading::rows(Filter::eq(Column::Id, id), 1))
}

/// Makes the statement that reads a page of the posts of a user that match a search, and says how long it is.
pub fn search(access: &TenantAccess, user: Uuid, text: &str) -> usize {
    let filter = Filter::eq(Column::UserId, user).and(Filter::contains(Column::Title, text));
    made(access, Reading::rows(filter, 21))
}

fn made(access: &TenantAccess, reading: Reading<Post>) -> usize {
    let reading = reading.by(Column::Id, Direction::Descending).expect("a column that can be compared");
    access.posts().reads(&reading, &Standing::Alone { schema: None }).expect("a statement").sql.len()
}

/// Seals and opens contents of one row.
pub struct Sealer {
    key: DataKey,
    tenant: Uuid,
    row: Uuid,
}

impl Sealer {
    /// With a key of its own.
    #[expect(clippy::new_without_default, reason = "every one is another")]
    pub fn new() -> Self {
        Self { key: DataKey::new(1, &KeyBytes::generate()), tenant: Uuid::now_v7(), row: Uuid::now_v7() }
    }

    /// The text as it would be stored.
    pub fn seal(&self, text: &str) -> String {
        self.key.seal(self.slot(), text)
    }

    /// The text that was sealed; none if it was not sealed here.
    pub fn open(&self, sealed: &str) -> Option<String> {
        match Stored::read(sealed) {
            Stored::Sealed { body, .. } => self.key.open(self.slot(), body).ok(),
            Stored::Plain(_) | Stored::Damaged => None,
        }
    }

    fn slot(&self) -> Slot<'_> {
        Slot { tenant: self.tenant, table: "posts", column: "content", row: self.row }
    }
}
