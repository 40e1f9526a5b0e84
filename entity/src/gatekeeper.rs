//! The maker of proofs.
//!
//! One [`Gatekeeper`] comes with the open database. Whoever holds it can admit a request to a tenant and say that somebody is of
//! the platform; so it belongs to authentication and to the command line, and a handler has no way to it.

use std::fmt;
use std::sync::Arc;

use sea_orm::sea_query::{Query, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryTrait, StatementBuilder};
use uuid::Uuid;

use crate::cache::{Area, Question};
use crate::connection::{Asker, Lease};
use crate::database::Database;
use crate::entities::{domain, tenant};
use crate::error::{Error, Keys};
use crate::session::TenantAccess;
use crate::vocabulary::TenantStatus;

/// A word that names a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TenantName {
    /// Its id.
    Id(Uuid),
    /// Its slug.
    Slug(String),
    /// A custom domain, lower-cased.
    Domain(String),
}

impl TenantName {
    /// An id if it reads as one, a slug otherwise. Whether such a tenant exists is another question.
    pub fn parse(text: &str) -> Self {
        // Only the usual form: a slug of 32 hex digits is not an id.
        match Uuid::parse_str(text) {
            Ok(id) if text.len() == uuid::fmt::Hyphenated::LENGTH => Self::Id(id),
            _ => Self::Slug(text.to_owned()),
        }
    }

    /// What kind of name, and the name.
    fn words(&self) -> [&[u8]; 2] {
        match self {
            Self::Id(id) => [b"id", id.as_bytes()],
            Self::Slug(slug) => [b"slug", slug.as_bytes()],
            Self::Domain(domain) => [b"domain", domain.as_bytes()],
        }
    }

    /// A custom domain, in any case.
    pub fn domain(host: &str) -> Self {
        Self::Domain(host.to_ascii_lowercase())
    }
}

/// A tenant of the catalog. Only the [`Gatekeeper`] finds one, and only a found one can be admitted.
#[derive(Clone, Debug)]
pub struct Located(Arc<tenant::Model>);

impl Located {
    /// The tenant's row.
    pub fn tenant(&self) -> &tenant::Model {
        &self.0
    }

    /// Whether the tenant's tables have all migrations that this program needs to serve them.
    pub fn is_current(&self) -> bool {
        is_current(&self.0)
    }

    /// Whether the name is this tenant's.
    pub fn is_named(&self, name: &TenantName) -> bool {
        match name {
            TenantName::Id(id) => self.0.id == *id,
            TenantName::Slug(slug) => self.0.slug == *slug,
            TenantName::Domain(domain) => self.0.domains.0.contains(domain),
        }
    }
}

/// Makes the proofs: which tenant a request may work in, and who is of the platform.
pub struct Gatekeeper {
    database: Database,
}

impl Gatekeeper {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// The tenants that these names name, each once. One statement, or none if the cache knows; that a name names nobody is
    /// something to know, too. Whoever names the same waits in one line.
    pub async fn find(&self, names: &[TenantName]) -> Result<Vec<Located>, Error> {
        let question = Question::names(names.iter().flat_map(|name| name.words()));
        let lasts = |found: &Vec<Arc<tenant::Model>>| !found.iter().any(|tenant| is_passing(tenant));
        let found = self.database.cache.read_if(Area::Names, question, lasts, || self.fetch(names)).await?;
        Ok(found.into_iter().map(Located).collect())
    }

    async fn fetch(&self, names: &[TenantName]) -> Result<Vec<Arc<tenant::Model>>, Error> {
        let mut selects = names.iter().map(select_named);
        let Some(mut select) = selects.next() else { return Ok(Vec::new()) };
        selects.for_each(|other| {
            select.union(sea_orm::sea_query::UnionType::All, other);
        });
        let place = &self.database.platform;
        let statement = StatementBuilder::build(&select, &place.backend());
        let rows = Lease::read_for(place, Asker::of(&names.last()), statement, Keys::default()).await?;
        let mut found: Vec<Arc<tenant::Model>> = Vec::with_capacity(rows.len());
        for row in rows {
            let tenant =
                tenant::Model::from_query_result(&row, "").map_err(|error| Error::Internal(error.to_string()))?;
            if found.iter().all(|other| other.id != tenant.id) {
                found.push(Arc::new(tenant));
            }
        }
        Ok(found)
    }

    /// Admits a request to the tenant. Whether it may be is for the caller to have decided. Fails if the tenant is placed on a
    /// server that the settings do not know.
    pub fn admit(&self, located: Located) -> Result<TenantAccess, Error> {
        self.database.access(located.0)
    }

    #[cfg(test)]
    pub(crate) fn platform_for_test<'a>(&'a self, admin: &'a PlatformAdmin) -> crate::Platform<'a> {
        self.database.platform(admin)
    }

    #[cfg(test)]
    pub(crate) fn admit_for_test(&self, tenant: tenant::Model) -> TenantAccess {
        self.database.access(tenant).unwrap()
    }

    /// States that somebody is of the platform.
    pub fn platform_admin(&self, operator: &str, origin: Origin) -> PlatformAdmin {
        PlatformAdmin { operator: operator.to_owned(), origin }
    }
}

impl fmt::Debug for Gatekeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gatekeeper")
    }
}

/// Whether a tenant is in a state that is about to end: that is not kept, so that it is served as soon as it can be, whoever
/// brought that about.
fn is_passing(tenant: &tenant::Model) -> bool {
    tenant.status == TenantStatus::Provisioning || tenant.writes_held || !is_current(tenant)
}

fn is_current(tenant: &tenant::Model) -> bool {
    usize::try_from(tenant.schema_version).is_ok_and(|version| version >= migration::TENANT.oldest_served())
}

fn select_named(name: &TenantName) -> SelectStatement {
    let condition = match name {
        TenantName::Id(id) => tenant::Column::Id.eq(*id),
        TenantName::Slug(slug) => tenant::Column::Slug.eq(slug.as_str()),
        TenantName::Domain(domain) => tenant::Column::Id.in_subquery(
            Query::select()
                .column(domain::Column::TenantId)
                .from(domain::Entity)
                .and_where(domain::Column::Domain.eq(domain.as_str()))
                .take(),
        ),
    };
    tenant::Entity::find().filter(condition).into_query()
}

/// The proof that somebody is of the platform. Only a [`Gatekeeper`] makes one.
#[derive(Clone, Debug)]
pub struct PlatformAdmin {
    operator: String,
    origin: Origin,
}

/// Where an operator asks from, for the audit log.
#[derive(Clone, Debug)]
pub struct Origin {
    pub(crate) place: String,
    pub(crate) request_id: Option<String>,
}

impl Origin {
    /// A request, from this address.
    pub fn request(address: &str, request_id: &str) -> Self {
        Self { place: address.to_owned(), request_id: Some(request_id.to_owned()) }
    }

    /// Whoever has the binary and its settings.
    pub fn command_line() -> Self {
        Self { place: "command line".to_owned(), request_id: None }
    }
}

impl PlatformAdmin {
    /// Whoever asked for an operation, while it goes on.
    pub(crate) fn by_operation(actor: &str) -> Self {
        let origin = Origin { place: "operation".to_owned(), request_id: None };
        Self { operator: actor.to_owned(), origin }
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Who it is, for the audit log.
    pub fn operator(&self) -> &str {
        &self.operator
    }
}
