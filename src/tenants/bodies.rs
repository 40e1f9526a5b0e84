//! What the platform sends about tenants, and the rules that hold for it.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Duration;

use entity::{Isolation, NewTenant, Role, TenantChanges};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::limits::{self, LimitsView};
use crate::auth::tokens::LONGEST_TTL;
use crate::config::TenancyConfig;
use crate::error::{Error, FieldError};
use crate::http::body::given;
use crate::http::rules;
use crate::openapi::words;
use crate::tenancy::slug::{Domain, Slug};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// Every host name costs a row in the catalog.
const MOST_DOMAINS: u64 = 100;

/// A tenant to make.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTenant)]
pub(crate) struct TenantDraft {
    /// Short name, unique; some names are reserved.
    #[schema(min_length = 2, max_length = 40, pattern = "^[a-z][a-z0-9-]*[a-z0-9]$", example = "acme")]
    slug: String,
    /// Shown name.
    #[validate(length(max = 100, message = "must be at most 100 characters"), custom(function = "rules::not_blank"))]
    #[schema(min_length = 1, max_length = 100, example = "Acme Corporation")]
    name: String,
    #[serde(default = "shared")]
    #[schema(schema_with = words::isolation, required = false)]
    isolation: Isolation,
    /// On which further database server, of those in `DATASTORES`; absent for the first.
    datastore: Option<String>,
    /// Host names of its own that name it.
    #[serde(default)]
    #[validate(length(max = MOST_DOMAINS, message = "must be at most 100 names"))]
    #[schema(max_items = 100, example = json!(["blog.acme.org"]))]
    domains: Vec<String>,
    #[serde(default, deserialize_with = "limits::object")]
    limits: LimitsView,
}

/// Whether a tenant could be placed like this here.
pub(super) trait Placeable: FnOnce(Isolation, Option<&str>) -> Result<(), entity::Error> {}

impl<F: FnOnce(Isolation, Option<&str>) -> Result<(), entity::Error>> Placeable for F {}

fn shared() -> Isolation {
    Isolation::Shared
}

impl TenantDraft {
    /// Checks what depends on the installation: 422 with every field that it does not allow.
    pub(super) fn checked(self, tenancy: &TenancyConfig, placeable: impl Placeable) -> Result<NewTenant, Error> {
        let mut errors = Vec::new();
        let slug = checked_slug(&self.slug, tenancy, &mut errors);
        let domains = checked_domains(&self.domains, tenancy, &mut errors);
        if let Err(entity::Error::Unplaceable { field, why }) = placeable(self.isolation, self.datastore.as_deref()) {
            refuse(&mut errors, field, why);
        }
        none_refused(errors)?;
        Ok(NewTenant {
            id: None,
            slug,
            name: self.name,
            isolation: self.isolation,
            datastore: self.datastore,
            domains,
            limits: self.limits.into(),
            created_at: None,
        })
    }
}

/// What to change of a tenant; whatever is absent stays.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TenantChanges)]
pub(crate) struct TenantPatch {
    /// Short name, unique; some names are reserved. Links that hold the old one break.
    #[serde(default, deserialize_with = "given")]
    #[schema(
        nullable = false,
        min_length = 2,
        max_length = 40,
        pattern = "^[a-z][a-z0-9-]*[a-z0-9]$",
        example = "acme"
    )]
    slug: Option<String>,
    /// Shown name.
    #[serde(default, deserialize_with = "given")]
    #[validate(length(max = 100, message = "must be at most 100 characters"), custom(function = "rules::not_blank"))]
    #[schema(nullable = false, min_length = 1, max_length = 100, example = "Acme Corporation")]
    name: Option<String>,
    /// All of its own host names.
    #[serde(default, deserialize_with = "given")]
    #[validate(length(max = MOST_DOMAINS, message = "must be at most 100 names"))]
    #[schema(nullable = false, max_items = 100, example = json!(["blog.acme.org"]))]
    domains: Option<Vec<String>>,
    /// All of its limits.
    #[serde(default, deserialize_with = "limits::given_object")]
    #[schema(nullable = false)]
    limits: Option<LimitsView>,
}

impl TenantPatch {
    /// Checks what depends on the installation: 422 with every field that it does not allow.
    pub(super) fn checked(self, tenancy: &TenancyConfig) -> Result<TenantChanges, Error> {
        let mut errors = Vec::new();
        let slug = self.slug.map(|slug| checked_slug(&slug, tenancy, &mut errors));
        let domains = self.domains.map(|domains| checked_domains(&domains, tenancy, &mut errors));
        none_refused(errors)?;
        Ok(TenantChanges { slug, name: self.name, domains, limits: self.limits.map(Into::into) })
    }
}

/// Whom a token is to speak for, and for how long.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken)]
pub(crate) struct TokenDraft {
    #[schema(schema_with = words::role)]
    pub(super) role: Role,
    /// The user it speaks for; without one it speaks for the operator who asks for it.
    pub(super) user_id: Option<Uuid>,
    /// How long it is good: a time such as `15m` or `7days`, at most `30days`.
    #[serde(default = "an_hour", deserialize_with = "ttl")]
    #[schema(value_type = String, default = "1h", example = "1h")]
    pub(super) ttl: Duration,
}

fn an_hour() -> Duration {
    HOUR
}

fn ttl<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    humantime::parse_duration(&String::deserialize(deserializer)?)
        .ok()
        .filter(|ttl| (Duration::from_secs(1)..=LONGEST_TTL).contains(ttl))
        .ok_or_else(|| D::Error::custom("must be a time such as 15m, 1h or 7days, from 1s to 30days"))
}

/// The slug; where it is none, a refusal is noted and the text does not matter.
fn checked_slug(text: &str, tenancy: &TenancyConfig, errors: &mut Vec<FieldError>) -> String {
    match Slug::parse(text, &tenancy.reserved_slugs) {
        Ok(slug) => slug.into(),
        Err(error) => {
            refuse(errors, "slug", error);
            String::new()
        }
    }
}

/// The domains, each once.
fn checked_domains(texts: &[String], tenancy: &TenancyConfig, errors: &mut Vec<FieldError>) -> Vec<String> {
    let mut domains = BTreeSet::new();
    for (index, text) in texts.iter().enumerate() {
        match Domain::parse(text, tenancy.base_domain.as_deref()) {
            Ok(domain) => {
                domains.insert(domain);
            }
            Err(error) => refuse(errors, format!("domains[{index}]"), error),
        }
    }
    domains.into_iter().map(String::from).collect()
}

fn refuse(errors: &mut Vec<FieldError>, field: impl Into<String>, message: impl Display) {
    errors.push(FieldError { field: field.into(), message: message.to_string() });
}

fn none_refused(errors: Vec<FieldError>) -> Result<(), Error> {
    if errors.is_empty() { Ok(()) } else { Err(Error::Validation(errors)) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::config::Config;

    fn tenancy() -> TenancyConfig {
        let config = Config::from_lookup(&|name| (name == "BASE_DOMAIN").then(|| "example.com".to_owned()));
        config.unwrap().tenancy
    }

    fn shared_only(isolation: Isolation, _: Option<&str>) -> Result<(), entity::Error> {
        match isolation {
            Isolation::Shared => Ok(()),
            _ => Err(entity::Error::Unplaceable { field: "isolation", why: "must be shared".to_owned() }),
        }
    }

    fn fields(draft: Value) -> BTreeSet<String> {
        let draft: TenantDraft = serde_json::from_value(draft).unwrap();
        let error = draft.checked(&tenancy(), shared_only).unwrap_err();
        error.field_errors().iter().map(|error| error.field.clone()).collect()
    }

    #[test]
    fn a_tenant_needs_a_slug_and_a_name_only() {
        let draft: TenantDraft = serde_json::from_value(json!({"slug": "acme", "name": "Acme"})).unwrap();
        let new = draft.checked(&tenancy(), shared_only).unwrap();
        assert_eq!((new.slug.as_str(), new.isolation, new.domains.len()), ("acme", Isolation::Shared, 0));
    }

    #[test]
    fn everything_that_is_not_allowed_is_named_at_once() {
        let draft = json!({
            "slug": "www", "name": "x", "isolation": "schema", "datastore": "east",
            "domains": ["fine.org", "acme.example.com", "127.0.0.1"],
        });
        let named = ["domains[1]", "domains[2]", "isolation", "slug"];
        assert_eq!(fields(draft), named.map(String::from).into());
    }

    #[test]
    fn a_domain_counts_once_in_whatever_case() {
        let draft = json!({"slug": "acme", "name": "x", "domains": ["B.org", "a.org", "b.ORG"]});
        let draft: TenantDraft = serde_json::from_value(draft).unwrap();
        assert_eq!(draft.checked(&tenancy(), shared_only).unwrap().domains, ["a.org", "b.org"]);
    }

    #[test]
    fn limits_are_an_object_of_exact_numbers() {
        let read = |limits: Value| serde_json::from_value::<TenantPatch>(json!({ "limits": limits }));
        assert!(read(json!({"users": 5, "posts": null})).is_ok());
        assert!(read(json!({"users": 9_007_199_254_740_991_u64})).is_ok());
        for limits in [json!([]), json!([1, 2, 3, 4, 5]), json!(null), json!({"users": -1}), json!({"cats": 1})] {
            assert!(read(limits.clone()).is_err(), "{limits}");
        }
        assert!(read(json!({"users": 9_007_199_254_740_992_u64})).is_err());
    }

    #[test]
    fn a_token_is_good_for_an_hour_unless_asked_otherwise() {
        let ttl = |ttl: Value| serde_json::from_value::<TokenDraft>(json!({"role": "viewer", "ttl": ttl}));
        let usual: TokenDraft = serde_json::from_value(json!({"role": "viewer"})).unwrap();
        assert_eq!(usual.ttl, HOUR);
        assert_eq!(ttl(json!("30days")).unwrap().ttl, LONGEST_TTL);
        for text in [json!("31days"), json!("0s"), json!("500ms"), json!("soon"), json!(3600), json!(null)] {
            assert!(ttl(text.clone()).is_err(), "{text}");
        }
    }
}
