//! The query's parameters.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;
use validator::Validate;

use super::problem::FieldError;
use super::rules;
use crate::error::Error;

/// The query as it was sent, of which `T` names the parameters it is about, each optional. It ignores all others, so
/// that one operation can take several of these.
#[derive(Debug)]
pub struct QueryParams<T> {
    query: String,
    parameters: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + Validate> QueryParams<T> {
    /// Reads the parameters: 422 naming those whose values are wrong.
    pub fn valid(&self) -> Result<T, Error> {
        let parameters: T = serde_urlencoded::from_str(&self.query).map_err(|error| self.refused(&error))?;
        rules::obeyed_by(&parameters)?;
        Ok(parameters)
    }

    /// Reads each parameter by itself, because the error for all of them does not say which one it means.
    fn refused(&self, whole: &serde_urlencoded::de::Error) -> Error {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&self.query).unwrap_or_default();
        let mut errors: Vec<FieldError> = pairs.into_iter().filter_map(refused_alone::<T>).collect();
        if errors.is_empty() {
            errors.push(rules::broken_by("", &whole.to_string()));
        }
        Error::Validation(errors)
    }
}

fn refused_alone<T: DeserializeOwned>((name, value): (String, String)) -> Option<FieldError> {
    let alone = serde_urlencoded::to_string([(&name, value)]).ok()?;
    let error = serde_urlencoded::from_str::<T>(&alone).err()?;
    Some(rules::broken_by(&name, &error.to_string()))
}

impl<T: 'static> FromRequest for QueryParams<T> {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self { query: request.query_string().to_owned(), parameters: PhantomData }))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, Validate)]
    struct Sample {
        #[validate(range(min = 1, max = 100, message = "must be from 1 to 100"))]
        limit: Option<u64>,
        page: Option<u64>,
        #[validate(custom(function = "rules::no_nul"))]
        q: Option<String>,
    }

    fn read(query: &str) -> Result<Sample, Vec<(String, String)>> {
        let params = QueryParams::<Sample> { query: query.to_owned(), parameters: PhantomData };
        params.valid().map_err(|error| {
            error.field_errors().iter().map(|error| (error.field.clone(), error.message.clone())).collect()
        })
    }

    #[test]
    fn what_nobody_asked_for_is_ignored() {
        let sample = read("limit=5&q=a%25b&colour=red").unwrap();
        assert_eq!((sample.limit, sample.page, sample.q.as_deref()), (Some(5), None, Some("a%b")));
        assert!(read("").is_ok());
    }

    #[test]
    fn a_wrong_value_is_named_by_its_parameter() {
        let fields = |query: &str| read(query).unwrap_err().into_iter().map(|(field, _)| field).collect::<Vec<_>>();
        assert_eq!(fields("limit=x&page=-1"), ["limit", "page"]);
        assert_eq!(fields("limit=0"), ["limit"]);
        assert_eq!(fields("limit=1&limit=2"), ["limit"]);
        assert_eq!(fields("q=a%00b"), ["q"]);
        assert_eq!(fields("limit="), ["limit"]);
    }
}
