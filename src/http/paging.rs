//! Lists: by cursor, for going through everything; or by page, for jumping.

use entity::{Page, Slice};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::rules;
use crate::error::Error;

/// How many rows a list answers with unless told otherwise.
const USUAL_LIMIT: u64 = 20;

/// The last page that can be asked for: keeps the offset far from overflowing.
const LAST_PAGE: u64 = 1_000_000_000;

/// Which part of a list is wanted.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many rows at most.
    #[serde(default = "usual_limit")]
    #[validate(range(min = 1, max = 100, message = "must be from 1 to 100"))]
    #[param(minimum = 1, maximum = 100, default = 20, required = false)]
    limit: u64,
    /// The last answer's `next_cursor`: go on from there. Not together with `page`.
    cursor: Option<String>,
    /// A page's number, from 1, in place of a cursor; the answer then has `page`, `limit` and `total`.
    #[validate(range(min = 1, max = LAST_PAGE, message = "must be from 1 to 1000000000"))]
    #[param(minimum = 1, maximum = 1_000_000_000_u64)]
    page: Option<u64>,
}

fn usual_limit() -> u64 {
    USUAL_LIMIT
}

/// One of the two ways to go through a list.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// `limit` rows after a cursor, or from the start.
    Slice {
        /// The cursor as it was sent.
        after: Option<String>,
        /// How many rows at most.
        limit: u64,
    },
    /// Page `number`, from 1, of pages of `limit` rows.
    Page {
        /// The page's number.
        number: u64,
        /// How many rows to a page.
        limit: u64,
    },
}

impl Paging {
    /// Decides between the two ways: 422 if the request asks for both.
    pub fn part(self) -> Result<Part, Error> {
        let limit = self.limit;
        match (self.cursor, self.page) {
            (Some(_), Some(_)) => Err(Error::invalid("page", "cannot be combined with cursor")),
            (after, None) => Ok(Part::Slice { after, limit }),
            (None, Some(number)) => Ok(Part::Page { number, limit }),
        }
    }
}

/// What a list is searched for.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Only rows that contain this text, without regard to case; `%` and `_` mean themselves.
    #[validate(length(max = 255, message = "must be at most 255 characters"), custom(function = "rules::no_nul"))]
    #[param(max_length = 255, pattern = "^[^\\u0000]*$")]
    pub q: Option<String>,
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Where to go on; `null` at the end, and always with `page`.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// The page's number, if the request gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub page: Option<u64>,
    /// How many rows to a page, if the request gave a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub limit: Option<u64>,
    /// How many rows the whole list has, if the request gave a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total: Option<u64>,
}

impl<T> Listing<T> {
    /// The answer to a request without a page.
    pub fn of_slice(slice: Slice<T>) -> Self {
        let next_cursor = slice.next.map(|cursor| cursor.to_string());
        Self { data: slice.rows, next_cursor, page: None, limit: None, total: None }
    }

    /// The answer to a request for a page.
    pub fn of_page(page: Page<T>, number: u64, limit: u64) -> Self {
        Self { data: page.rows, next_cursor: None, page: Some(number), limit: Some(limit), total: Some(page.total) }
    }

    /// Shows each row in another way.
    pub fn map<U>(self, show: impl FnMut(T) -> U) -> Listing<U> {
        let (rows, rest) = self.split();
        rest.with(rows.into_iter().map(show).collect())
    }

    /// Takes the rows out, to be put back in another shape.
    pub fn split(self) -> (Vec<T>, Listing<()>) {
        let Self { data, next_cursor, page, limit, total } = self;
        (data, Listing { data: Vec::new(), next_cursor, page, limit, total })
    }
}

impl Listing<()> {
    /// Puts rows in.
    pub fn with<T>(self, data: Vec<T>) -> Listing<T> {
        let Self { next_cursor, page, limit, total, .. } = self;
        Listing { data, next_cursor, page, limit, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(query: &str) -> Result<Part, Error> {
        serde_urlencoded::from_str::<Paging>(query).unwrap().part()
    }

    #[test]
    fn a_list_goes_by_cursor_unless_a_page_is_asked_for() {
        assert_eq!(part("").unwrap(), Part::Slice { after: None, limit: 20 });
        assert_eq!(part("limit=5&cursor=x").unwrap(), Part::Slice { after: Some("x".into()), limit: 5 });
        assert_eq!(part("page=3").unwrap(), Part::Page { number: 3, limit: 20 });
        assert_eq!(part("page=3&cursor=x").unwrap_err().field_errors()[0].field, "page");
    }

    #[test]
    fn bounds_are_rules() {
        let bad = |query: &str| serde_urlencoded::from_str::<Paging>(query).unwrap().validate().is_err();
        assert!(bad("limit=0") && bad("limit=101") && bad("page=0") && bad("page=1000000001"));
        assert!(!bad("limit=100&page=1000000000"));
    }

    #[test]
    fn the_end_of_a_list_is_a_null_and_a_page_has_its_numbers() {
        let slice = Listing::of_slice(Slice { rows: vec![1], next: None });
        assert_eq!(serde_json::to_value(slice).unwrap(), serde_json::json!({"data": [1], "next_cursor": null}));
        let page = Listing::of_page(Page { rows: vec![1], total: 9 }, 2, 8).map(|row| row + 1);
        assert_eq!(
            serde_json::to_value(page).unwrap(),
            serde_json::json!({"data": [2], "next_cursor": null, "page": 2, "limit": 8, "total": 9})
        );
    }
}
