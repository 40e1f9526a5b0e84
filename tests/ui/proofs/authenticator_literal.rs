//! Takes an authenticator apart, to put another together of its gatekeeper.
//!
//! Must fail: the fields are private to authentication.

use tenantry::auth::Authenticator;

pub fn taken_apart(authenticator: Authenticator) {
    let Authenticator { gatekeeper, .. } = authenticator;
}
