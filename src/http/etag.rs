//! Entity tags: which version of a row an answer shows, and which one a request means.

use actix_web::HttpRequest;
use actix_web::http::header::{EntityTag, Header, IfMatch, IfNoneMatch};
use entity::{Filter, Resource};
use uuid::Uuid;

/// The tag of one version of one row. Strong: the same tag never stands for two different rows or versions.
pub fn tag(id: Uuid, version: i64) -> EntityTag {
    EntityTag::new_strong(format!("{version}-{id}"))
}

/// Whether the client has this version already, by `If-None-Match`.
pub fn is_known(request: &HttpRequest, current: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(current)),
        Err(_) => false,
    }
}

/// The versions of a row that a write may change, by `If-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Whatever is there: the header is absent, or `*`.
    Any,
    /// One of these.
    Versions(Vec<i64>),
}

impl Expected {
    /// Reads `If-Match` for the row with this id. A tag that is weak or another row's can never match.
    pub fn of(request: &HttpRequest, id: Uuid) -> Self {
        if !request.headers().contains_key(IfMatch::name()) {
            return Self::Any;
        }
        match IfMatch::parse(request) {
            Ok(IfMatch::Any) => Self::Any,
            Ok(IfMatch::Items(tags)) => Self::Versions(tags.iter().filter_map(|tag| version_of(tag, id)).collect()),
            Err(_) => Self::Versions(Vec::new()),
        }
    }

    /// Whether a row of this version may be changed.
    pub fn includes(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }

    /// The same as a condition of the write itself, so that nothing can happen in between.
    pub fn filter<R: Resource>(&self, version: R::Column) -> Filter<R> {
        match self {
            Self::Any => Filter::all(),
            Self::Versions(versions) => Filter::is_in(version, versions.iter().copied()),
        }
    }
}

fn version_of(tag: &EntityTag, id: Uuid) -> Option<i64> {
    let (version, _) = tag.tag().split_once('-')?;
    let version = version.parse().ok()?;
    self::tag(id, version).strong_eq(tag).then_some(version)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{IF_MATCH, IF_NONE_MATCH};
    use actix_web::test::TestRequest;

    use super::*;

    const ID: Uuid = Uuid::from_u128(7);

    fn expected(header: &str) -> Expected {
        Expected::of(&TestRequest::default().insert_header((IF_MATCH, header)).to_http_request(), ID)
    }

    #[test]
    fn if_match_takes_lists_and_the_star() {
        let other = tag(Uuid::from_u128(8), 3);
        assert_eq!(Expected::of(&TestRequest::default().to_http_request(), ID), Expected::Any);
        assert_eq!(expected("*"), Expected::Any);
        assert_eq!(expected(&format!("{}, {}, {other}", tag(ID, 1), tag(ID, 4))), Expected::Versions(vec![1, 4]));
    }

    #[test]
    fn if_match_compares_strongly() {
        for header in [format!("W/{}", tag(ID, 1)), "\"1\"".to_owned(), "1".to_owned(), String::new()] {
            assert_eq!(expected(&header), Expected::Versions(vec![]), "{header}");
        }
        assert!(!expected("\"1\"").includes(1));
    }

    #[test]
    fn if_none_match_compares_weakly() {
        let known = |header: &str| {
            let request = TestRequest::default().insert_header((IF_NONE_MATCH, header)).to_http_request();
            is_known(&request, &tag(ID, 2))
        };
        assert!(known("*"));
        assert!(known(&format!("\"x\", W/{}", tag(ID, 2))));
        assert!(!known(&tag(ID, 1).to_string()));
        assert!(!known("nonsense"));
    }
}
