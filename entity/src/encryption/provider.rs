//! Who has the master key: wraps and unwraps data keys, and never gives it away.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use zeroize::Zeroizing;

use super::key::KeyBytes;
use crate::error::Error;

/// A master key, wherever it is kept. A key management service would be one more of these.
pub(crate) trait KeyProvider: Send + Sync {
    /// The id of the master key, which says nothing of it.
    fn master_key_id(&self) -> &str;
    /// Makes a data key unreadable to everybody else, bound to what it is `about`.
    fn wrap<'a>(&'a self, key: &'a KeyBytes, about: &'a [u8]) -> BoxFuture<'a, Result<String, KeyError>>;
    /// The data key again.
    fn unwrap<'a>(&'a self, wrapped: &'a str, about: &'a [u8]) -> BoxFuture<'a, Result<KeyBytes, KeyError>>;
}

/// Why a data key cannot be wrapped or unwrapped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    /// It was wrapped with another master key, or for another tenant or version, or was changed.
    #[error("a data key cannot be unwrapped with the master key {0}")]
    Wrong(String),
    /// No master key that was given has this id.
    #[error("no master key with the id {0} was given")]
    Unknown(String),
    /// The master key cannot be asked.
    #[error("the master key cannot be had: {0}")]
    Away(String),
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Away(_) => Self::Unavailable(error.to_string()),
            KeyError::Wrong(_) | KeyError::Unknown(_) => Self::Internal(error.to_string()),
        }
    }
}

/// A master key that was given by its bytes, in the environment.
pub(crate) struct EnvironmentKey {
    key: KeyBytes,
    id: String,
}

impl EnvironmentKey {
    pub(crate) fn new(key: KeyBytes) -> Self {
        Self { id: key.id(), key }
    }
}

impl KeyProvider for EnvironmentKey {
    fn master_key_id(&self) -> &str {
        &self.id
    }

    fn wrap<'a>(&'a self, key: &'a KeyBytes, about: &'a [u8]) -> BoxFuture<'a, Result<String, KeyError>> {
        Box::pin(async move { Ok(self.key.wrap(key, about)) })
    }

    fn unwrap<'a>(&'a self, wrapped: &'a str, about: &'a [u8]) -> BoxFuture<'a, Result<KeyBytes, KeyError>> {
        Box::pin(async move { unwrapped(&self.key, wrapped, about) })
    }
}

/// A master key in a file, which is read whenever the key is needed: it is in no environment, and in memory for a moment only.
pub(crate) struct FileKey {
    path: PathBuf,
    id: String,
}

impl FileKey {
    /// Fails with a reason if the file holds no key.
    pub(crate) fn new(path: &Path) -> Result<Self, String> {
        Ok(Self { path: path.to_owned(), id: read(path)?.id() })
    }

    fn key(&self) -> Result<KeyBytes, KeyError> {
        let key = read(&self.path).map_err(|why| KeyError::Away(format!("its file {why}")))?;
        if key.id() == self.id {
            Ok(key)
        } else {
            Err(KeyError::Away("its file was changed since the start".to_owned()))
        }
    }
}

impl KeyProvider for FileKey {
    fn master_key_id(&self) -> &str {
        &self.id
    }

    fn wrap<'a>(&'a self, key: &'a KeyBytes, about: &'a [u8]) -> BoxFuture<'a, Result<String, KeyError>> {
        Box::pin(async move { Ok(self.key()?.wrap(key, about)) })
    }

    fn unwrap<'a>(&'a self, wrapped: &'a str, about: &'a [u8]) -> BoxFuture<'a, Result<KeyBytes, KeyError>> {
        Box::pin(async move { unwrapped(&self.key()?, wrapped, about) })
    }
}

fn read(path: &Path) -> Result<KeyBytes, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    KeyBytes::from_base64(&Zeroizing::new(text)).ok_or_else(|| "does not hold 32 bytes in base64".to_owned())
}

fn unwrapped(key: &KeyBytes, wrapped: &str, about: &[u8]) -> Result<KeyBytes, KeyError> {
    key.unwrap(wrapped, about).map_err(|_| KeyError::Wrong(key.id()))
}

/// The master key that wraps, and those from before it, which only unwrap.
pub(crate) struct Ring {
    pub(crate) present: Arc<dyn KeyProvider>,
    pub(crate) previous: Vec<Arc<dyn KeyProvider>>,
    /// The environment variable that the present one comes from.
    pub(crate) variable: &'static str,
}

impl Ring {
    /// Whichever has this id.
    pub(crate) fn with_id(&self, id: &str) -> Result<&dyn KeyProvider, KeyError> {
        let mut all = std::iter::once(&self.present).chain(&self.previous);
        let found = all.find(|provider| provider.master_key_id() == id);
        found.map(AsRef::as_ref).ok_or_else(|| KeyError::Unknown(id.to_owned()))
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ring({})", self.present.master_key_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_in_a_file_is_read_when_it_is_needed() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("master.key");
        std::fs::write(&path, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
        let provider = FileKey::new(&path).unwrap();
        let key = KeyBytes::generate();
        let wrapped = provider.wrap(&key, b"about").await.unwrap();
        assert!(provider.unwrap(&wrapped, b"about").await.is_ok());
        assert!(matches!(provider.unwrap(&wrapped, b"another").await, Err(KeyError::Wrong(_))));

        std::fs::write(&path, "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
        assert!(matches!(provider.unwrap(&wrapped, b"about").await, Err(KeyError::Away(_))));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(provider.wrap(&key, b"about").await, Err(KeyError::Away(_))));
        assert!(FileKey::new(&path).is_err());
    }

    #[test]
    fn previous_keys_are_found_by_their_ids() {
        let provider = || Arc::new(EnvironmentKey::new(KeyBytes::generate())) as Arc<dyn KeyProvider>;
        let (present, previous) = (provider(), provider());
        let id = previous.master_key_id().to_owned();
        let ring = Ring { present, previous: vec![previous], variable: "ENCRYPTION_MASTER_KEY" };
        assert!(ring.with_id(&id).is_ok() && ring.with_id(ring.present.master_key_id()).is_ok());
        assert_eq!(ring.with_id("another").err(), Some(KeyError::Unknown("another".to_owned())));
        assert!(!format!("{ring:?}").contains("Key"));
    }
}
