//! The keys that tokens are verified and signed with.
//!
//! Each key knows the one algorithm it verifies, found out from the key itself and never from a
//! token: an RSA key can therefore not be mistaken for an HMAC secret.

mod public;

#[cfg(test)]
mod tests;

use std::path::Path;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation};

use crate::config::AuthConfig;
use public::PublicKey;

/// Why the configured keys cannot be used; always one line.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Nothing to verify a token with.
    #[error("no key to verify tokens with: set JWT_SECRET, JWT_PUBLIC_KEY_FILE or JWKS_FILE")]
    NoKey,
    /// A key file that cannot be read or holds no key that can be used.
    #[error("{variable}={path:?}: {problem}")]
    File {
        /// The variable that names the file.
        variable: &'static str,
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// All keys of this process, with the rules that tokens are held to.
#[derive(Clone, Debug)]
pub struct Keys {
    verifying: Vec<VerifyingKey>,
    /// Only the HS256 secret can sign.
    pub(super) signing: Option<EncodingKey>,
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<String>,
}

/// One key, the algorithm it is for, and the rules for the tokens it has signed.
#[derive(Clone, Debug)]
pub(super) struct VerifyingKey {
    kid: Option<String>,
    algorithm: Algorithm,
    pub(super) key: DecodingKey,
    pub(super) rules: Validation,
}

impl Keys {
    /// Reads every configured key; at least one is needed.
    pub fn load(config: &AuthConfig) -> Result<Self, KeyError> {
        let secret = config.secret.as_ref().map(|secret| secret.expose().as_bytes());
        let mut found: Vec<PublicKey> = Vec::new();
        if let Some(path) = &config.public_key_file {
            found.push(read("JWT_PUBLIC_KEY_FILE", path, PublicKey::from_pem)?);
        }
        if let Some(path) = &config.jwks_file {
            found.extend(read("JWKS_FILE", path, PublicKey::from_jwks)?);
        }
        let verifying: Vec<_> = secret
            .map(|secret| VerifyingKey {
                kid: None,
                algorithm: Algorithm::HS256,
                key: DecodingKey::from_secret(secret),
                rules: rules(Algorithm::HS256, config),
            })
            .into_iter()
            .chain(found.into_iter().map(|public| VerifyingKey {
                kid: public.kid,
                algorithm: public.algorithm,
                key: public.key,
                rules: rules(public.algorithm, config),
            }))
            .collect();
        if verifying.is_empty() {
            return Err(KeyError::NoKey);
        }
        Ok(Self {
            verifying,
            signing: secret.map(EncodingKey::from_secret),
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
        })
    }

    /// The keys that may have signed a token with this header. A key without an id is tried for
    /// every token of its algorithm, and a token without one against every key of its algorithm.
    pub(super) fn candidates<'a>(
        &'a self,
        algorithm: Algorithm,
        kid: Option<&'a str>,
    ) -> impl Iterator<Item = &'a VerifyingKey> {
        self.verifying.iter().filter(move |key| {
            let same_id = match (kid, key.kid.as_deref()) {
                (Some(wanted), Some(has)) => wanted == has,
                _ => true,
            };
            key.algorithm == algorithm && same_id
        })
    }
}

/// `exp` is required and exact: the library refuses what expires in less than a second, since a
/// token is no longer good *at* its `exp`. Issuer and audience are required once configured.
fn rules(algorithm: Algorithm, config: &AuthConfig) -> Validation {
    let mut rules = Validation::new(algorithm);
    let mut required = vec!["exp"];
    rules.leeway = 0;
    rules.reject_tokens_expiring_in_less_than = 1;
    rules.validate_nbf = true;
    rules.validate_aud = config.audience.is_some();
    if let Some(issuer) = &config.issuer {
        rules.set_issuer(&[issuer]);
        required.push("iss");
    }
    if let Some(audience) = &config.audience {
        rules.set_audience(&[audience]);
        required.push("aud");
    }
    rules.set_required_spec_claims(&required);
    rules
}

fn read<T>(variable: &'static str, path: &Path, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, KeyError> {
    std::fs::read_to_string(path)
        .map_err(|error| format!("cannot be read: {error}"))
        .and_then(|text| parse(&text))
        .map_err(|problem| KeyError::File { variable, path: path.display().to_string(), problem })
}
