//! The platform's lists go by cursor only: they grow at the front while somebody reads them.

use serde::Deserialize;
use utoipa::IntoParams;
use validator::Validate;

/// Which part of a list is wanted.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CursorPaging {
    /// How many rows at most.
    #[serde(default = "usual_limit")]
    #[validate(range(min = 1, max = 100, message = "must be from 1 to 100"))]
    #[param(minimum = 1, maximum = 100, default = 20, required = false)]
    pub(crate) limit: u64,
    /// The last answer's `next_cursor`: go on from there.
    pub(crate) cursor: Option<String>,
}

fn usual_limit() -> u64 {
    20
}
