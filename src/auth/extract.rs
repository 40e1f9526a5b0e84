//! Extractors that prove who is asking. A handler that lacks one has no way to a row.

use std::ops::Deref;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use entity::{Platform, PlatformAdmin, Role, TenantAccess};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use uuid::Uuid;

use super::Authenticator;
use super::tokens::{Claims, SignError, SignedToken};
use crate::error::Error;
use crate::http::path;

/// Somebody who was admitted to a tenant.
#[derive(Debug)]
pub struct Caller {
    access: TenantAccess,
    role: Role,
    subject: String,
    platform: Option<PlatformAdmin>,
}

impl Caller {
    pub(super) fn member(access: TenantAccess, subject: String, role: Role) -> Self {
        Self { access, role, subject, platform: None }
    }

    /// An operator may do in a tenant what its admins may.
    pub(super) fn platform(access: TenantAccess, admin: PlatformAdmin) -> Self {
        Self { access, role: Role::Admin, subject: admin.operator().to_owned(), platform: Some(admin) }
    }

    /// The way to the tenant's rows.
    pub fn access(&self) -> &TenantAccess {
        &self.access
    }

    /// What the caller may do inside the tenant.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The token's `sub`: a user's id, or an operator's name.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The caller as a user, if the token's `sub` is a user's id.
    pub fn user_id(&self) -> Option<Uuid> {
        if self.is_platform() { None } else { path::uuid(&self.subject) }
    }

    /// Whether the caller may make, change and delete posts of this user: admins anybody's, members their own.
    pub fn may_write_posts_of(&self, user: Uuid) -> bool {
        match self.role {
            Role::Admin => true,
            Role::Member => self.user_id() == Some(user),
            Role::Viewer => false,
        }
    }

    /// Whether that is so of every user.
    pub fn may_write_all_posts(&self) -> bool {
        self.role == Role::Admin
    }

    /// Whether the caller is an operator of the platform.
    pub fn is_platform(&self) -> bool {
        self.platform.is_some()
    }

    pub(super) fn platform_admin(&self) -> Option<&PlatformAdmin> {
        self.platform.as_ref()
    }
}

/// Defines an extractor for callers with at least this role.
macro_rules! at_least {
    ($(#[$doc:meta])* $name:ident, $role:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(Caller);

        impl Deref for $name {
            type Target = Caller;

            fn deref(&self) -> &Caller {
                &self.0
            }
        }

        impl FromRequest for $name {
            type Error = Error;
            type Future = LocalBoxFuture<'static, Result<Self, Error>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let request = request.clone();
                async move {
                    let authenticator = authenticator(&request)?;
                    authenticator.admit(&request, $role).await.map(Self)
                }
                .boxed_local()
            }
        }
    };
}

at_least! {
    /// A caller who may read.
    TenantReader, Role::Viewer
}

at_least! {
    /// A caller who may write posts: its own, or, as an admin, anybody's.
    TenantWriter, Role::Member
}

at_least! {
    /// A caller who may do everything inside the tenant.
    TenantAdmin, Role::Admin
}

/// An operator of the platform, at the platform's own routes.
pub struct PlatformCaller {
    admin: PlatformAdmin,
    authenticator: web::Data<Authenticator>,
}

impl PlatformCaller {
    /// The door to cross-tenant work.
    pub fn platform(&self) -> Platform<'_> {
        self.authenticator.database.platform(&self.admin)
    }

    /// The operator's name.
    pub fn operator(&self) -> &str {
        self.admin.operator()
    }

    /// Signs a token with the configured secret.
    pub fn sign(&self, claims: &Claims, ttl: Duration) -> Result<SignedToken, SignError> {
        self.authenticator.tokens.keys().sign(claims, ttl)
    }
}

impl FromRequest for PlatformCaller {
    type Error = Error;
    type Future = std::future::Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(platform_caller(request))
    }
}

fn platform_caller(request: &HttpRequest) -> Result<PlatformCaller, Error> {
    let authenticator = authenticator(request)?;
    match authenticator.claims(request)? {
        Claims::Platform { operator } => {
            Ok(PlatformCaller { admin: authenticator.operator(request, &operator), authenticator })
        }
        Claims::Tenant { .. } => Err(Error::Forbidden),
    }
}

fn authenticator(request: &HttpRequest) -> Result<web::Data<Authenticator>, Error> {
    let data = request.app_data::<web::Data<Authenticator>>();
    data.cloned().ok_or_else(|| Error::internal("the application has no authenticator"))
}
