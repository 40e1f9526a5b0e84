//! Takes the platform's connection out of its door.
//!
//! Must fail: the fields and the methods that send statements are private to the data crate.

use tenantry::auth::extract::PlatformCaller;

pub async fn database_of_platform(caller: PlatformCaller) {
    let _ = caller.platform().database;
}

pub async fn begin(caller: PlatformCaller) {
    caller.platform().begin().await;
}

pub async fn fetch(caller: PlatformCaller) {
    caller.platform().fetch(unreachable!()).await;
}

pub async fn database(caller: PlatformCaller) {
    let _ = &caller.authenticator;
}
