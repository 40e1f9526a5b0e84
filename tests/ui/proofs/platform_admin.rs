//! Makes the proof that somebody is of the platform.
//!
//! Must fail: only the gatekeeper makes one; there is no constructor, default, conversion or deserialisation.

use entity::PlatformAdmin;

pub fn new() -> PlatformAdmin {
    PlatformAdmin::new("ops")
}

pub fn default() -> PlatformAdmin {
    Default::default()
}

pub fn from_name() -> PlatformAdmin {
    PlatformAdmin::from("ops")
}

pub fn from_body(body: &str) -> PlatformAdmin {
    serde_json::from_str(body).unwrap()
}

pub fn renamed(mut admin: PlatformAdmin) -> PlatformAdmin {
    admin.operator = "somebody else".to_owned();
    admin
}
