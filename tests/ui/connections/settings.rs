//! Reads an address with its password out of the settings.
//!
//! Must fail: the fields are private, the sources cannot be asked for, and the settings are not serialisable.

use entity::DatabaseSettings;

pub fn home(settings: &DatabaseSettings) {
    let _ = &settings.home;
}

pub fn store(settings: &DatabaseSettings) {
    settings.store(None);
}

pub fn url(settings: &DatabaseSettings) -> String {
    settings.to_string()
}

pub fn json(settings: &DatabaseSettings) {
    serde_json::to_string(settings);
}
