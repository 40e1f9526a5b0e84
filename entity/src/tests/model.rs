//! What the scopes must do, as plain Rust over vectors: the oracle of the property test.

use uuid::Uuid;

use super::program::{Cmp, F};
use crate::resource::fold;

/// The columns that conditions look at, of either resource.
pub(super) trait Row: Clone {
    fn tenant(&self) -> Uuid;
    fn id(&self) -> Uuid;
    fn version(&self) -> i64;
    /// Text column 0 or 1.
    fn text(&self, column: u8) -> Option<&str>;
    /// The same, or another where that is sealed: nothing can be compared with a sealed one.
    fn compared(&self, column: u8) -> Option<&str> {
        self.text(column)
    }
    fn is_searchable(column: u8) -> bool;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UserRow {
    pub(super) tenant: Uuid,
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) version: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PostRow {
    pub(super) tenant: Uuid,
    pub(super) id: Uuid,
    pub(super) user: Uuid,
    pub(super) title: String,
    pub(super) content: Option<String>,
    pub(super) version: i64,
}

impl Row for UserRow {
    fn tenant(&self) -> Uuid {
        self.tenant
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn text(&self, column: u8) -> Option<&str> {
        Some(if column == 0 { &self.name } else { &self.email })
    }

    fn is_searchable(_: u8) -> bool {
        true
    }
}

impl Row for PostRow {
    fn tenant(&self) -> Uuid {
        self.tenant
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn text(&self, column: u8) -> Option<&str> {
        if column == 0 { Some(&self.title) } else { self.content.as_deref() }
    }

    fn compared(&self, _: u8) -> Option<&str> {
        Some(&self.title)
    }

    fn is_searchable(column: u8) -> bool {
        column == 0
    }
}

/// Whether a row matches, in SQL's logic of three values: `None` is unknown.
pub(super) fn truth<R: Row>(filter: &F, row: &R, ids: &[Uuid], tenants: &[Uuid]) -> Option<bool> {
    let of = |inner: &F| truth(inner, row, ids, tenants);
    match filter {
        F::All => Some(true),
        F::And(left, right) => match (of(left), of(right)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        F::Or(left, right) => match (of(left), of(right)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        F::Not(inner) => of(inner).map(|truth| !truth),
        F::Id(cmp, id) => Some(cmp.holds(row.id().cmp(&ids[*id as usize]))),
        F::IdIn(list) => Some(list.iter().any(|id| row.id() == ids[*id as usize])),
        F::Tenant(cmp, tenant) => Some(cmp.holds(row.tenant().cmp(&tenants[*tenant as usize]))),
        F::Version(cmp, version) => Some(cmp.holds(row.version().cmp(version))),
        F::Text(column, equal, text) => row.compared(*column).map(|value| (value == text) == *equal),
        F::Contains(column, _) if !R::is_searchable(*column) => Some(false),
        F::Contains(column, text) => row.text(*column).map(|value| fold(value).contains(&fold(text))),
        F::Null(column) => Some(row.text(*column).is_none()),
    }
}

impl Cmp {
    fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Eq => ordering.is_eq(),
            Self::Ne => ordering.is_ne(),
            Self::Lt => ordering.is_lt(),
            Self::Le => ordering.is_le(),
            Self::Gt => ordering.is_gt(),
            Self::Ge => ordering.is_ge(),
        }
    }
}

/// Why the model refuses an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    ForeignTenant,
    Conflict,
    MissingReference,
}

/// Every tenant's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct World {
    pub(super) users: Vec<UserRow>,
    pub(super) posts: Vec<PostRow>,
}

impl World {
    /// Refuses a state that breaks a key: ids and addresses are unique in a tenant, a post's user is one of its tenant's.
    pub(super) fn check(&self) -> Result<(), Refused> {
        for (at, user) in self.users.iter().enumerate() {
            let clashes = |other: &UserRow| {
                other.tenant == user.tenant && (other.id == user.id || fold(&other.email) == fold(&user.email))
            };
            if self.users[..at].iter().any(clashes) {
                return Err(Refused::Conflict);
            }
        }
        for (at, post) in self.posts.iter().enumerate() {
            if self.posts[..at].iter().any(|other| other.tenant == post.tenant && other.id == post.id) {
                return Err(Refused::Conflict);
            }
        }
        let has_user =
            |post: &PostRow| self.users.iter().any(|user| (user.tenant, user.id) == (post.tenant, post.user));
        if self.posts.iter().all(has_user) { Ok(()) } else { Err(Refused::MissingReference) }
    }

    /// Takes away the posts of users that are gone.
    pub(super) fn cascade(&mut self) {
        let users: Vec<_> = self.users.iter().map(|user| (user.tenant, user.id)).collect();
        self.posts.retain(|post| users.contains(&(post.tenant, post.user)));
    }
}
