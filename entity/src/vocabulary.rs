//! The words that columns hold: roles, states and places, as types.

use sea_orm::{DeriveActiveEnum, EnumIter, FromJsonQueryResult};
use serde::{Deserialize, Serialize};

/// An enum that is stored, parsed and shown as one lower-case word for each variant.
macro_rules! word {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize,
        )]
        #[sea_orm(rs_type = "String", db_type = "Text")]
        pub enum $name {
            $($(#[$variant_doc])* #[sea_orm(string_value = $word)] #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// Every variant.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word that stands for it in the database, in JSON and on the command line.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or(UnknownWord {
                    expected: &[$($word),+],
                })
            }
        }
    };
}

/// A word that is none of those expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: {}", expected.join(", "))]
pub struct UnknownWord {
    expected: &'static [&'static str],
}

word! {
    /// How something that the platform wanted ended.
    Outcome {
        /// It was done.
        Done = "done",
        /// It was not done, for a reason that whoever asked can act on.
        Refused = "refused",
        /// It was not done, or not to its end, because of a fault.
        Failed = "failed",
    }
}

word! {
    /// What a member may do inside its tenant; each role may do what those before it may.
    Role {
        /// Reads.
        Viewer = "viewer",
        /// Reads; writes its own posts.
        Member = "member",
        /// Everything inside the tenant.
        Admin = "admin",
    }
}

word! {
    /// Where a tenant stands in its life.
    TenantStatus {
        /// Its place is being made.
        Provisioning = "provisioning",
        /// Served.
        Active = "active",
        /// Refused until it is resumed; nothing is lost.
        Suspended = "suspended",
        /// Marked as deleted; nothing is destroyed and it can be restored.
        Deleted = "deleted",
    }
}

word! {
    /// Where a tenant's rows live.
    Isolation {
        /// In tables that it shares with others.
        Shared = "shared",
        /// In a PostgreSQL schema of its own.
        Schema = "schema",
        /// In a database of its own; on SQLite a file of its own.
        Database = "database",
    }
}

word! {
    /// What long work does to a tenant.
    OperationKind {
        /// Carries it to another place.
        Move = "move",
        /// Makes it from the lines of an export.
        Import = "import",
        /// Destroys everything it has.
        Purge = "purge",
        /// Gives it a new data key.
        Rotate = "rotate",
        /// Seals the rows that are not sealed.
        Encrypt = "encrypt",
    }
}

word! {
    /// How far long work is.
    WorkState {
        /// Not ended; if nobody is at it, somebody takes it up.
        Running = "running",
        /// Ended well.
        Done = "done",
        /// Ended otherwise; after a move or an import, everything is as it was before.
        Failed = "failed",
    }
}

word! {
    /// How an export has the texts that are sealed.
    Contents {
        /// Opened: whoever has the lines can read them.
        Plain = "plain",
        /// As they are stored, with the tenant's wrapped keys: whoever has the master key can read them.
        Sealed = "sealed",
    }
}

/// What a tenant may use; an absent limit does not limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<u64>,
    /// Requests at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrent_requests: Option<u64>,
    /// Rows in `users`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u64>,
    /// Rows in `posts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posts: Option<u64>,
    /// Bytes of all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_bytes: Option<u64>,
}

/// The custom domains that name a tenant, lower-cased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Domains(pub Vec<String>);
