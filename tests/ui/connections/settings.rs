//! Reads an address with its password out of the settings.
//!
//! Must fail: the fields are private, the sources cannot be asked for, and the settings are not serialisable.

use entity::DatabaseSettings;

pub fn serving(settings: &DatabaseSettings) {
    let _ = &settings.serving;
}

pub fn owner(settings: &DatabaseSettings) {
    settings.source(unreachable!());
}

pub fn url(settings: &DatabaseSettings) -> String {
    settings.to_string()
}

pub fn json(settings: &DatabaseSettings) {
    serde_json::to_string(settings);
}
