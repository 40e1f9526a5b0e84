//! The id in a path.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::error::Error;

/// The path's `{id}`, as it was sent.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct PathId {
    /// The row's id.
    #[param(value_type = Uuid, example = "0193572b-9f5a-7c3e-8a41-5d2f6b7c8d9e")]
    id: String,
}

impl PathId {
    /// Reads the id: 400 unless it is a UUID in its usual form.
    pub fn valid(&self) -> Result<Uuid, Error> {
        uuid(&self.id).ok_or_else(|| Error::malformed("The id in the path is not a UUID."))
    }
}

impl FromRequest for PathId {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").unwrap_or_default();
        ready(Ok(Self { id: id.to_owned() }))
    }
}

/// A UUID with its hyphens; the other spellings that the parser knows are not ids of this API.
pub(crate) fn uuid(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_usual_spelling_is_an_id() {
        let id = |text: &str| PathId { id: text.to_owned() }.valid();
        assert!(id("0193572b-9f5a-7c3e-8a41-5d2f6b7c8d9e").is_ok());
        for text in ["", "7", "0193572b9f5a7c3e8a415d2f6b7c8d9e", "{0193572b-9f5a-7c3e-8a41-5d2f6b7c8d9e}"] {
            assert!(matches!(id(text), Err(Error::Malformed(_))), "{text}");
        }
    }
}
