//! Tokens: verified into claims that need no further checking, or signed.

mod believed;
#[cfg(test)]
mod tests;

pub use believed::Believed;

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use entity::Role;
use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jsonwebtoken::{Algorithm, Header, decode, decode_header, encode};
use serde::{Deserialize, Serialize};

use super::keys::Keys;

/// Longest that a signed token can be good for: it cannot be taken back before.
pub const LONGEST_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

const PLATFORM_ADMIN: &str = "platform_admin";
const LONGEST_NAME: usize = 255;

/// Who a token speaks for: somebody inside one tenant, or the platform. Never both, never neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claims {
    /// Somebody inside one tenant.
    Tenant {
        /// The user's id, as the issuer writes it.
        subject: String,
        /// The tenant's id or slug; whether there is such a tenant is not known yet.
        tenant: String,
        /// What the token allows inside the tenant.
        role: Role,
    },
    /// The operator of the whole service.
    Platform {
        /// The operator's name, for the audit log.
        operator: String,
    },
}

/// Why a token is not believed. The texts are safe to show to whoever sent it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three parts of base64 and JSON, without an algorithm we know, or with extensions.
    #[error("the token is not a signed JWT that can be read here")]
    Malformed,
    /// No configured key has the token's algorithm and key id.
    #[error("no key is configured for the token's algorithm and key id")]
    NoKey,
    /// Altered, or signed by somebody else.
    #[error("the token's signature is wrong")]
    Signature,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is still to come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iss` is not the configured one.
    #[error("the token's issuer is not accepted")]
    Issuer,
    /// `aud` is not the configured one.
    #[error("the token's audience is not accepted")]
    Audience,
    /// Signed, but it does not say clearly who it speaks for.
    #[error("the token's claims are not accepted: {0}")]
    Claims(&'static str),
}

/// Why no token was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// Public keys cannot sign.
    #[error("tokens are signed with JWT_SECRET, which is not set")]
    NoSecret,
    /// Shorter than a second, or longer than [`LONGEST_TTL`].
    #[error("a token can be good for 1s to 30days")]
    Ttl,
    /// Claims that verification would refuse.
    #[error(transparent)]
    Claims(#[from] TokenError),
    /// The library failed.
    #[error("the token could not be signed: {0}")]
    Failed(#[from] JwtError),
}

/// A token and when it stops to be good.
#[derive(Clone, Debug)]
pub struct SignedToken {
    /// The token, to be sent as `Authorization: Bearer`.
    pub token: String,
    /// Its `exp`.
    pub expires_at: DateTime<Utc>,
}

/// The claims as they are written, before they are known to make sense.
#[derive(Clone, Deserialize, Serialize)]
struct RawClaims {
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    role: Option<String>,
    /// Only read: the library has held the token to it.
    #[serde(skip_serializing, default)]
    exp: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct NewClaims<'a> {
    #[serde(flatten)]
    who: RawClaims,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
}

impl Keys {
    /// Who the token speaks for, if it is signed by a configured key and good at this moment.
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        Claims::try_from(self.verified(token)?)
    }

    fn verified(&self, token: &str) -> Result<RawClaims, TokenError> {
        let header = decode_header(token).map_err(|_| TokenError::Malformed)?;
        // Extensions that must be understood are not: RFC 7515, section 4.1.11.
        if header.crit.is_some() {
            return Err(TokenError::Malformed);
        }
        let mut refusal = TokenError::NoKey;
        for candidate in self.candidates(header.alg, header.kid.as_deref()) {
            match decode::<RawClaims>(token, &candidate.key, &candidate.rules) {
                Ok(verified) => return Ok(verified.claims),
                Err(error) => refusal = TokenError::from(error),
            }
            if refusal != TokenError::Signature {
                break;
            }
        }
        Err(refusal)
    }

    /// Signs a token with the secret, with the configured issuer and audience.
    pub fn sign(&self, claims: &Claims, ttl: Duration) -> Result<SignedToken, SignError> {
        let key = self.signing.as_ref().ok_or(SignError::NoSecret)?;
        if !(Duration::from_secs(1)..=LONGEST_TTL).contains(&ttl) {
            return Err(SignError::Ttl);
        }
        let who = RawClaims::from(claims);
        Claims::try_from(who.clone())?;
        let now = Utc::now().trunc_subsecs(0);
        let expires_at = now + Duration::from_secs(ttl.as_secs());
        let claims = NewClaims {
            who,
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
            iss: self.issuer.as_deref(),
            aud: self.audience.as_deref(),
        };
        let token = encode(&Header::new(Algorithm::HS256), &claims, key)?;
        Ok(SignedToken { token, expires_at })
    }
}

impl TryFrom<RawClaims> for Claims {
    type Error = TokenError;

    fn try_from(raw: RawClaims) -> Result<Self, TokenError> {
        let subject = name(raw.sub).ok_or(TokenError::Claims("sub is missing or not a name"))?;
        match (raw.tenant, raw.role.as_deref()) {
            (None, Some(PLATFORM_ADMIN)) => Ok(Self::Platform { operator: subject }),
            (Some(_), Some(PLATFORM_ADMIN)) => Err(TokenError::Claims("platform_admin goes without a tenant")),
            (None, _) => Err(TokenError::Claims("neither a tenant nor platform_admin")),
            (tenant, role) => Ok(Self::Tenant {
                subject,
                tenant: name(tenant).ok_or(TokenError::Claims("tenant is not a name"))?,
                role: role
                    .and_then(|role| role.parse().ok())
                    .ok_or(TokenError::Claims("role is not viewer, member or admin"))?,
            }),
        }
    }
}

impl From<&Claims> for RawClaims {
    fn from(claims: &Claims) -> Self {
        let (sub, tenant, role) = match claims {
            Claims::Tenant { subject, tenant, role } => (subject, Some(tenant.clone()), role.to_string()),
            Claims::Platform { operator } => (operator, None, PLATFORM_ADMIN.to_owned()),
        };
        Self { sub: Some(sub.clone()), tenant, role: Some(role), exp: None }
    }
}

impl From<JwtError> for TokenError {
    fn from(error: JwtError) -> Self {
        match error.kind() {
            ErrorKind::InvalidSignature => Self::Signature,
            // The second is what the library says of an `exp` that is almost zero.
            ErrorKind::ExpiredSignature | ErrorKind::InvalidToken => Self::Expired,
            ErrorKind::ImmatureSignature => Self::NotYetValid,
            ErrorKind::InvalidIssuer => Self::Issuer,
            ErrorKind::InvalidAudience => Self::Audience,
            ErrorKind::MissingRequiredClaim(claim) => match claim.as_str() {
                "iss" => Self::Issuer,
                "aud" => Self::Audience,
                _ => Self::Claims("exp is missing"),
            },
            ErrorKind::InvalidClaimFormat(_) => Self::Claims("exp or nbf is not a time"),
            ErrorKind::Json(_) => Self::Claims("one is not of its type"),
            _ => Self::Malformed,
        }
    }
}

/// Names end up in logs and in the audit table: no blanks only, no control characters, no novels.
fn name(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty() && text.len() <= LONGEST_NAME && !text.chars().any(char::is_control))
}
