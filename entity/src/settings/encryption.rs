//! The master key, and how long data keys are at hand.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Get, SettingError, duration, wrong};
use crate::encryption::{EnvironmentKey, FileKey, KeyBytes, KeyProvider, Ring};

const KEY: &str = "ENCRYPTION_MASTER_KEY";
const FILE: &str = "ENCRYPTION_MASTER_KEY_FILE";
const PREVIOUS: &str = "ENCRYPTION_PREVIOUS_MASTER_KEYS";

/// What contents are sealed with, if they are.
#[derive(Clone, Debug)]
pub(crate) struct EncryptionSettings {
    pub(crate) ring: Option<Arc<Ring>>,
    /// How long data keys are at hand: so long, a process may go on to seal with the key before the newest.
    pub(crate) lifetime: Duration,
}

impl EncryptionSettings {
    pub(super) fn from_lookup(get: Get<'_>) -> Result<Self, SettingError> {
        let lifetime = duration(get, "ENCRYPTION_KEY_TTL", "60s")?;
        let previous = previous(get)?;
        let Some((variable, present)) = present(get)? else {
            return if previous.is_empty() {
                Ok(Self { ring: None, lifetime })
            } else {
                Err(wrong(PREVIOUS, &format!("takes the master keys from before {KEY}, which is not set")))
            };
        };
        Ok(Self { ring: Some(Arc::new(Ring { present, previous, variable })), lifetime })
    }
}

/// The variable that the master key comes from, and who has it.
type Present = (&'static str, Arc<dyn KeyProvider>);

fn present(get: Get<'_>) -> Result<Option<Present>, SettingError> {
    match (get(KEY), get(FILE)) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(wrong(FILE, &format!("cannot be set beside {KEY}: there is one master key"))),
        (Some(text), None) => Ok(Some((KEY, key(KEY, &text)?))),
        (None, Some(path)) => match FileKey::new(Path::new(path.trim())) {
            Ok(provider) => Ok(Some((FILE, Arc::new(provider)))),
            Err(why) => Err(wrong(FILE, &format!("takes a file with 32 random bytes in base64; this one {why}"))),
        },
    }
}

fn previous(get: Get<'_>) -> Result<Vec<Arc<dyn KeyProvider>>, SettingError> {
    let Some(list) = get(PREVIOUS) else { return Ok(Vec::new()) };
    list.split(',').filter(|text| !text.trim().is_empty()).map(|text| key(PREVIOUS, text)).collect()
}

fn key(variable: &str, text: &str) -> Result<Arc<dyn KeyProvider>, SettingError> {
    let key = KeyBytes::from_base64(text);
    let key = key
        .ok_or_else(|| wrong(variable, "takes 32 random bytes in base64, as `openssl rand -base64 32` prints them"))?;
    Ok(Arc::new(EnvironmentKey::new(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const OTHER: &str = "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn read(pairs: &[(&str, &str)]) -> Result<EncryptionSettings, SettingError> {
        EncryptionSettings::from_lookup(&|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn refused(pairs: &[(&str, &str)], variable: &str) {
        let error = read(pairs).expect_err(variable);
        assert_eq!(error.variable, variable);
        assert!(pairs.iter().all(|(_, value)| !error.to_string().contains(value)), "{error}");
    }

    #[test]
    fn nothing_is_sealed_without_a_master_key() {
        assert!(read(&[]).unwrap().ring.is_none());
        refused(&[(PREVIOUS, ONE)], PREVIOUS);
    }

    #[test]
    fn there_is_one_master_key_and_any_number_before_it() {
        let ring = read(&[(KEY, ONE), (PREVIOUS, &format!("{OTHER}, {ONE}"))]).unwrap().ring.unwrap();
        assert_eq!((ring.variable, ring.previous.len()), (KEY, 2));
        refused(&[(KEY, ONE), (FILE, "/nowhere/key")], FILE);
    }

    #[test]
    fn a_wrong_key_is_refused_and_not_repeated() {
        refused(&[(KEY, "c2hvcnQ=")], KEY);
        refused(&[(KEY, "not base64 at all")], KEY);
        refused(&[(FILE, "/nowhere/key")], FILE);
        refused(&[(KEY, ONE), (PREVIOUS, "c2hvcnQ=")], PREVIOUS);
    }
}
