//! Tokens that were verified a moment ago: a client sends the same one with every request.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use moka::sync::Cache;

use super::{Claims, TokenError};
use crate::auth::keys::Keys;

/// For how long a token is believed. Only one that is good for longer than that is, so nothing about it changes meanwhile:
/// the keys are read once, and a token that is good stays so until its `exp`.
const BELIEVED: Duration = Duration::from_secs(30);

/// Memory for them, in bytes.
const SIZE: u64 = 8 << 20;

/// What one takes beside its text and its names, in bytes.
const OVERHEAD: usize = 250;

/// The keys, and the tokens that they verified a moment ago.
pub struct Believed {
    keys: Keys,
    tokens: Cache<Arc<str>, Claims>,
}

impl Believed {
    /// None yet.
    pub fn new(keys: Keys) -> Self {
        let weight = |token: &str, claims: &Claims| {
            let names = match claims {
                Claims::Tenant { subject, tenant, .. } => subject.len() + tenant.len(),
                Claims::Platform { operator } => operator.len(),
            };
            u32::try_from(token.len() + names + OVERHEAD).unwrap_or(u32::MAX)
        };
        let tokens = Cache::builder()
            .max_capacity(SIZE)
            .weigher(move |token: &Arc<str>, claims| weight(token, claims))
            .time_to_live(BELIEVED)
            .build();
        Self { keys, tokens }
    }

    /// The keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Who the token speaks for, see [`Keys::verify`].
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        if let Some(claims) = self.tokens.get(token) {
            return Ok(claims);
        }
        let raw = self.keys.verified(token)?;
        let ends = raw.exp.as_ref().and_then(serde_json::Value::as_f64).unwrap_or_default();
        let claims = Claims::try_from(raw)?;
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact in 53 bits")]
        let now = Utc::now().timestamp() as f64;
        if ends > now + BELIEVED.as_secs_f64() + 1.0 {
            self.tokens.insert(token.into(), claims.clone());
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::with_secret;
    use super::*;

    fn signed(believed: &Believed, ttl: u64) -> String {
        let claims = Claims::Platform { operator: "ops".to_owned() };
        believed.keys.sign(&claims, Duration::from_secs(ttl)).unwrap().token
    }

    #[test]
    fn only_a_token_that_outlives_its_place_is_kept() {
        let believed = Believed::new(Keys::load(&with_secret()).unwrap());
        for (ttl, kept) in [(3_600, true), (33, true), (25, false), (1, false)] {
            let token = signed(&believed, ttl);
            let claims = believed.verify(&token);
            assert_eq!(claims, believed.keys.verify(&token), "{ttl} s");
            assert_eq!(believed.tokens.contains_key(token.as_str()), kept, "{ttl} s");
            assert_eq!(believed.verify(&token), claims, "{ttl} s, again");
        }
    }

    #[test]
    fn a_token_that_resembles_one_that_is_believed_is_not() {
        let believed = Believed::new(Keys::load(&with_secret()).unwrap());
        let token = signed(&believed, 3_600);
        believed.verify(&token).unwrap();
        let (body, signature) = token.rsplit_once('.').unwrap();
        let other = if signature.starts_with('A') { "B" } else { "A" };
        let altered = format!("{body}.{other}{}", &signature[1..]);
        assert_eq!(believed.verify(&altered), Err(TokenError::Signature));
        assert!(!believed.tokens.contains_key(altered.as_str()), "what is refused is not kept");
    }
}
