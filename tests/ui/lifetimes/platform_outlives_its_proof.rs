//! Keeps the platform's door open after the proof is gone.
//!
//! Must fail: the door borrows the proof.

use entity::Platform;
use tenantry::auth::extract::PlatformCaller;

pub fn returned(caller: PlatformCaller) -> Platform<'static> {
    caller.platform()
}

pub fn moved_into_a_task(caller: &PlatformCaller) {
    let platform = caller.platform();
    actix_web::rt::spawn(async move { drop(platform) });
}
