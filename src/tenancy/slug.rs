//! The names a tenant goes by: its slug, and domains of its own.
//!
//! Text becomes a [`Slug`] or a [`Domain`] here or nowhere; whoever holds one need not look again.

use std::collections::BTreeSet;
use std::fmt;

use uuid::Uuid;

/// A tenant's short name: 2 to 40 of `a-z 0-9 -`, beginning with a letter, ending in a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slug(String);

/// Why a text is no slug; reads on after the field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlugError {
    /// Too short or too long.
    #[error("must be 2 to 40 characters")]
    Length,
    /// A character that is not allowed, or not there.
    #[error("must be of a-z, 0-9 and -, begin with a letter and end in a letter or digit")]
    Form,
    /// Whatever takes a slug also takes an id: one must not pass for the other.
    #[error("must not have the form of an id")]
    Id,
    /// Kept for the platform's own hosts.
    #[error("is reserved")]
    Reserved,
}

impl Slug {
    /// Longest slug, in characters.
    pub const MAX_LENGTH: usize = 40;

    /// Takes a text that is a slug and that is not `reserved`.
    pub fn parse(text: &str, reserved: &BTreeSet<String>) -> Result<Self, SlugError> {
        if !(2..=Self::MAX_LENGTH).contains(&text.chars().count()) {
            return Err(SlugError::Length);
        }
        if !is_label(text) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
            return Err(SlugError::Form);
        }
        if Uuid::try_parse(text).is_ok() {
            return Err(SlugError::Id);
        }
        if reserved.contains(text) {
            return Err(SlugError::Reserved);
        }
        Ok(Self(text.to_owned()))
    }

    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

/// A host name of the tenant's own, in lower case: `blog.acme.org`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Domain(String);

/// Why a text is no domain of a tenant; reads on after the field's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// Not a host name of two labels or more, or one that is an address.
    #[error("must be a host name such as blog.example.org, without scheme, port or path")]
    Form,
    /// Names below the base domain belong to the slugs.
    #[error("must not be {0} or below it")]
    UnderBaseDomain(String),
}

impl Domain {
    /// Longest name that DNS can carry.
    pub const MAX_LENGTH: usize = 253;

    /// Takes a host name, in any case, that is neither an address nor at or below `base_domain`.
    pub fn parse(text: &str, base_domain: Option<&str>) -> Result<Self, DomainError> {
        let name = text.to_ascii_lowercase();
        if name.len() > Self::MAX_LENGTH || !is_host_name(&name) {
            return Err(DomainError::Form);
        }
        match base_domain {
            Some(base) if is_at_or_below(&name, base) => Err(DomainError::UnderBaseDomain(base.to_owned())),
            _ => Ok(Self(name)),
        }
    }

    /// The name as text, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.0
    }
}

/// At least two labels, the last of which is not a number: browsers read `1.2` as an address.
fn is_host_name(name: &str) -> bool {
    let (_, last) = name.rsplit_once('.').unwrap_or_default();
    name.split('.').all(is_label) && last.contains(|c: char| !c.is_ascii_digit())
}

fn is_at_or_below(name: &str, base: &str) -> bool {
    name.strip_suffix(base).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// One part of a host name: `a-z 0-9 -`, no hyphen at either end, at most 63 characters.
fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slug(text: &str) -> Result<String, SlugError> {
        let reserved = BTreeSet::from(["www".to_owned(), "admin".to_owned()]);
        Slug::parse(text, &reserved).map(String::from)
    }

    fn domain(text: &str) -> Result<String, DomainError> {
        Domain::parse(text, Some("example.com")).map(String::from)
    }

    #[test]
    fn slugs_are_taken_as_they_are() {
        let longest = format!("a{}", "0".repeat(39));
        for text in ["ab", "a1", "acme", "acme-2", "a--b", "wwww", "x-0", &longest] {
            assert_eq!(slug(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_no_slug_is_refused_with_the_reason() {
        let too_long = "a".repeat(41);
        let cases = [
            (SlugError::Length, &["", "a", "é", &too_long][..]),
            (SlugError::Form, &["Acme", "1a", "-a", "a-", "a_b", "a b", "a.b", "äb", "a\n", "a/b", "a\0"]),
            (SlugError::Id, &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11"]),
            (SlugError::Reserved, &["www", "admin"]),
        ];
        for (reason, texts) in cases {
            for text in texts {
                assert_eq!(slug(text), Err(reason), "{text:?}");
            }
        }
    }

    #[test]
    fn domains_are_taken_in_lower_case() {
        let longest = format!("{}.{}.{}.{}", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61));
        assert_eq!(longest.len(), Domain::MAX_LENGTH);
        for text in ["Blog.ACME.org", "acme.io", "xn--bcher-kva.example", "1.2.3.4.example", "notexample.com", &longest]
        {
            assert_eq!(domain(text), Ok(text.to_ascii_lowercase()));
        }
    }

    #[test]
    fn what_is_no_domain_is_refused() {
        let too_long = format!("{}.org", "a.".repeat(126));
        let long_label = format!("{}.org", "a".repeat(64));
        for text in [
            "",
            ".",
            "localhost",
            "acme.org.",
            ".acme.org",
            "acme..org",
            "acme.org:80",
            "https://acme.org",
            "acme.org/x",
            "-a.org",
            "a-.org",
            "a_b.org",
            "a b.org",
            "bücher.example",
            "127.0.0.1",
            "1.2",
            "[::1]",
            "::1",
            "*.acme.org",
            "acme.org\n",
            &too_long,
            &long_label,
        ] {
            assert_eq!(domain(text), Err(DomainError::Form), "{text:?}");
        }
    }

    #[test]
    fn names_below_the_base_domain_are_refused() {
        for text in ["example.com", "EXAMPLE.com", "acme.example.com", "a.b.example.com"] {
            assert_eq!(domain(text), Err(DomainError::UnderBaseDomain("example.com".to_owned())), "{text:?}");
            assert!(Domain::parse(text, None).is_ok());
        }
    }

    proptest! {
        /// What is taken is what the rule says, whatever it was made of.
        #[test]
        fn only_slugs_are_slugs(text in "\\PC{0,50}|[a-z0-9-]{0,45}") {
            let fine = (2..=40).contains(&text.len())
                && text.starts_with(|c: char| c.is_ascii_lowercase())
                && text.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                && uuid::Uuid::parse_str(&text).is_err()
                && !["www", "admin"].contains(&&*text);
            prop_assert_eq!(slug(&text).is_ok(), fine, "{:?}", text);
        }

        /// A domain that is taken is a host name in lower case, and none of the service's own.
        #[test]
        fn only_host_names_are_domains(text in "\\PC{0,60}|([A-Za-z0-9-]{0,20}\\.){0,4}[A-Za-z0-9-]{0,12}") {
            if let Ok(domain) = domain(&text) {
                prop_assert!(is_host_name(&domain) && !is_at_or_below(&domain, "example.com"), "{:?}", domain);
                prop_assert_eq!(&domain, &text.to_ascii_lowercase());
            }
        }
    }
}
