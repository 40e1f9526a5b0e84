use std::path::PathBuf;

use jsonwebtoken::Algorithm;

use super::Keys;
use crate::config::{AuthConfig, Secret};

fn fixture(name: &str) -> Option<PathBuf> {
    Some(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys")).join(name))
}

fn load_pem(name: &str) -> Result<Keys, String> {
    let config = AuthConfig { public_key_file: fixture(name), ..AuthConfig::default() };
    Keys::load(&config).map_err(|error| error.to_string())
}

fn load_jwks(text: &str) -> Result<Keys, String> {
    let path = std::env::temp_dir().join(format!("tenantry-jwks-{}", uuid::Uuid::now_v7()));
    std::fs::write(&path, text).unwrap();
    let config = AuthConfig { jwks_file: Some(path.clone()), ..AuthConfig::default() };
    let keys = Keys::load(&config).map_err(|error| error.to_string());
    std::fs::remove_file(path).unwrap();
    keys
}

fn algorithms(keys: &Keys) -> Vec<Algorithm> {
    keys.verifying.iter().map(|key| key.algorithm).collect()
}

#[test]
fn no_key_at_all_is_an_error_that_says_what_to_set() {
    let message = Keys::load(&AuthConfig::default()).unwrap_err().to_string();
    for variable in ["JWT_SECRET", "JWT_PUBLIC_KEY_FILE", "JWKS_FILE"] {
        assert!(message.contains(variable), "{message}");
    }
}

#[test]
fn the_kind_of_a_pem_key_is_found_out() {
    for (name, algorithm) in [
        ("rsa-public.pem", Algorithm::RS256),
        ("rsa-public-pkcs1.pem", Algorithm::RS256),
        ("p256-public.pem", Algorithm::ES256),
        ("ed25519-public.pem", Algorithm::EdDSA),
    ] {
        assert_eq!(algorithms(&load_pem(name).unwrap()), [algorithm], "{name}");
    }
}

#[test]
fn what_is_no_usable_public_key_is_refused_in_one_line() {
    for name in [
        "rsa-1024-public.pem",
        "p384-public.pem",
        "rsa-private.pem",
        "p256-private.pem",
        "ed25519-private.pem",
        "ed25519-certificate.pem",
        "jwks.json",
        "missing.pem",
    ] {
        let message = load_pem(name).unwrap_err();
        assert!(message.starts_with("JWT_PUBLIC_KEY_FILE="), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn a_key_set_gives_its_signature_keys_and_no_others() {
    let config = AuthConfig { jwks_file: fixture("jwks.json"), ..AuthConfig::default() };
    let keys = Keys::load(&config).unwrap();
    assert_eq!(algorithms(&keys), [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA]);
    let ids: Vec<_> = keys.verifying.iter().map(|key| key.kid.as_deref()).collect();
    assert_eq!(ids, [Some("rsa"), Some("p256"), None]);
    assert!(keys.signing.is_none());
}

#[test]
fn a_broken_key_set_is_refused_at_the_start() {
    for text in [
        "",
        "{}",
        "{\"keys\": []}",
        // Only a symmetric key, which must never come from a file of public keys.
        r#"{"keys": [{"kty": "oct", "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}"#,
        // Too short, which the library would only notice by panicking on the first token.
        r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}]}"#,
        // No point of the curve.
        r#"{"keys": [{"kty": "EC", "crv": "P-256",
            "x": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE",
            "y": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}]}"#,
        r#"{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}"#,
    ] {
        let message = load_jwks(text).unwrap_err();
        assert!(message.starts_with("JWKS_FILE="), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn a_secret_and_public_keys_stand_beside_each_other() {
    let config = AuthConfig {
        secret: Some(Secret::new("0123456789abcdef0123456789abcdef")),
        public_key_file: fixture("rsa-public.pem"),
        jwks_file: fixture("jwks.json"),
        ..AuthConfig::default()
    };
    let keys = Keys::load(&config).unwrap();
    assert_eq!(keys.candidates(Algorithm::HS256, Some("any")).count(), 1);
    assert_eq!(keys.candidates(Algorithm::RS256, None).count(), 2);
    assert_eq!(keys.candidates(Algorithm::RS256, Some("rsa")).count(), 2);
    assert_eq!(keys.candidates(Algorithm::RS256, Some("other")).count(), 1);
    assert_eq!(keys.candidates(Algorithm::RS512, Some("another-algorithm")).count(), 0);
    assert_eq!(keys.candidates(Algorithm::HS512, None).count(), 0);
}
