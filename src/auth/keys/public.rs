//! Public keys out of a PEM file or a JSON Web Key Set.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;

const TAKES: &str = "it takes RSA of 2048 to 4096 bits (RS256), P-256 (ES256) or Ed25519 (EdDSA)";

/// A public key and the one algorithm it verifies.
pub(super) struct PublicKey {
    pub(super) kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

impl PublicKey {
    /// Reads a PEM file with one public key in it. Certificates and private keys are refused: the
    /// library would take pieces of them for a key.
    pub(super) fn from_pem(text: &str) -> Result<Self, String> {
        let blocks: Vec<_> = text.lines().filter(|line| line.starts_with("-----BEGIN ")).collect();
        match blocks.as_slice() {
            ["-----BEGIN PUBLIC KEY-----" | "-----BEGIN RSA PUBLIC KEY-----"] => {}
            _ => return Err(format!("not one public key in PEM; {TAKES}")),
        }
        let pem = text.as_bytes();
        let key = DecodingKey::from_rsa_pem(pem)
            .or_else(|_| DecodingKey::from_ec_pem(pem))
            .or_else(|_| DecodingKey::from_ed_pem(pem))
            .map_err(|_| format!("not a key of a kind that can be used; {TAKES}"))?;
        Self::detect(None, key)
    }

    /// Reads a key set. Keys for other purposes are passed over, as sets usually hold some; one
    /// that is meant for us and broken is an error, and so is a set without any that we can use.
    pub(super) fn from_jwks(text: &str) -> Result<Vec<Self>, String> {
        let set: KeySet = serde_json::from_str(text).map_err(|error| format!("not a key set: {error}"))?;
        let keys = set
            .keys
            .into_iter()
            .filter_map(|value| serde_json::from_value::<Jwk>(value).ok().filter(is_for_us))
            .map(Self::from_jwk)
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(format!("no key for signatures in the set; {TAKES}"));
        }
        Ok(keys)
    }

    fn from_jwk(jwk: Jwk) -> Result<Self, String> {
        let kid = jwk.common.key_id.clone();
        DecodingKey::from_jwk(&jwk)
            .map_err(|error| error.to_string())
            .and_then(|key| Self::detect(kid.clone(), key))
            .map_err(|problem| format!("key {}: {problem}", kid.as_deref().unwrap_or("without kid")))
    }

    /// Finds the algorithm from the key's own material, and that the key works at all: a bad one
    /// would otherwise only show as tokens that never verify.
    fn detect(kid: Option<String>, key: DecodingKey) -> Result<Self, String> {
        let material =
            Jwk::from_decoding_key(&key, None).map_err(|_| format!("not a key of a kind that can be used; {TAKES}"))?;
        let algorithm = match &material.algorithm {
            AlgorithmParameters::RSA(rsa) if has_good_size(&rsa.n) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => Algorithm::ES256,
            AlgorithmParameters::OctetKeyPair(_) => Algorithm::EdDSA,
            _ => return Err(format!("not a key of a kind or size that can be used; {TAKES}")),
        };
        crypto::verify("", b"", &key, algorithm).map_err(|_| "not a valid point of its curve".to_owned())?;
        Ok(Self { kid, algorithm, key })
    }
}

fn is_for_us(jwk: &Jwk) -> bool {
    let common = &jwk.common;
    let signs = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
    let verifies = common.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let expected = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => KeyAlgorithm::RS256,
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => KeyAlgorithm::ES256,
        AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => KeyAlgorithm::EdDSA,
        _ => return false,
    };
    signs && verifies && common.key_algorithm.is_none_or(|algorithm| algorithm == expected)
}

fn has_good_size(modulus: &str) -> bool {
    let bytes = URL_SAFE_NO_PAD.decode(modulus).unwrap_or_default();
    let leading = bytes.iter().take_while(|byte| **byte == 0).count();
    let first = bytes.get(leading).map_or(0, |byte| byte.leading_zeros() as usize);
    (2048..=4096).contains(&((bytes.len() - leading) * 8 - first))
}
