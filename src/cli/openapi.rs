//! `tenantry openapi`: the document that `/openapi.json` serves, for reading and for comparing.

use super::{Failure, output};

pub(super) fn run() -> Result<(), Failure> {
    output::print(&crate::openapi::document().to_pretty_json()?)
}
