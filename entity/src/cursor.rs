//! A place in a list, to go on from.
//!
//! A cursor carries the tenant and the list that it was made for, and is read back only by the same scope. Even one that
//! is made up only picks a place in the caller's own list: the tenant's condition is on the statement either way.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::Error;

/// Format of the bytes below; another one is refused.
const FORMAT: u8 = 1;

/// A place in one list of one tenant. Its text form is opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    list: u8,
    tenant: Uuid,
    id: Uuid,
}

impl Cursor {
    pub(crate) fn new(list: u8, tenant: Uuid, id: Uuid) -> Self {
        Self { list, tenant, id }
    }

    /// Reads a cursor that must be of this list and tenant.
    pub(crate) fn parse(text: &str, list: u8, tenant: Uuid) -> Result<Self, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::BadCursor)?;
        let cursor = Self::from_bytes(&bytes).ok_or(Error::BadCursor)?;
        cursor.check(list, tenant)
    }

    /// Lets only a cursor of this list and tenant through.
    pub(crate) fn check(self, list: u8, tenant: Uuid) -> Result<Self, Error> {
        if self.list == list && self.tenant == tenant { Ok(self) } else { Err(Error::BadCursor) }
    }

    pub(crate) fn id(self) -> Uuid {
        self.id
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[FORMAT, list], ids) = bytes.split_first_chunk::<2>()? else { return None };
        let (tenant, id) = ids.split_first_chunk::<16>()?;
        Some(Self { list, tenant: Uuid::from_bytes(*tenant), id: Uuid::from_slice(id).ok()? })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [FORMAT, self.list].to_vec();
        bytes.extend(self.tenant.as_bytes());
        bytes.extend(self.id.as_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A cursor comes back as it was, to the list and tenant that it was made for only.
        #[test]
        fn a_cursor_is_its_own_lists(list: u8, other: u8, tenant: u128, id: u128) {
            let (tenant, id) = (Uuid::from_u128(tenant), Uuid::from_u128(id));
            let text = Cursor::new(list, tenant, id).to_string();
            prop_assert_eq!(Cursor::parse(&text, list, tenant).unwrap().id(), id);
            prop_assert!(other == list || Cursor::parse(&text, other, tenant).is_err());
            prop_assert!(Cursor::parse(&text, list, Uuid::from_u128(tenant.as_u128() ^ 1)).is_err());
        }

        #[test]
        fn any_other_text_is_no_cursor(text in "\\PC{0,80}|[A-Za-z0-9_-]{40,50}") {
            let tenant = Uuid::from_u128(7);
            if let Ok(cursor) = Cursor::parse(&text, b'p', tenant) {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }
    }
}
