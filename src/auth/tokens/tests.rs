use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use entity::Role;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Claims, Keys, SignError, TokenError};
use crate::config::{AuthConfig, Secret};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys")).join(name)
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

pub(super) fn with_secret() -> AuthConfig {
    AuthConfig { secret: Some(Secret::new(SECRET)), ..AuthConfig::default() }
}

fn with_pem(name: &str) -> AuthConfig {
    AuthConfig { public_key_file: Some(fixture(name)), ..AuthConfig::default() }
}

fn with_jwks() -> AuthConfig {
    AuthConfig { jwks_file: Some(fixture("jwks.json")), ..AuthConfig::default() }
}

fn verify(config: &AuthConfig, token: &str) -> Result<Claims, TokenError> {
    Keys::load(config).unwrap().verify(token)
}

fn soon() -> i64 {
    Utc::now().timestamp() + 60
}

fn payload() -> Value {
    json!({ "sub": "ada", "tenant": "acme", "role": "member", "exp": soon() })
}

/// The payload of a good token with some claims replaced; `null` removes one.
fn payload_with(changes: Value) -> Value {
    let mut claims = payload();
    for (name, value) in changes.as_object().unwrap() {
        claims.as_object_mut().unwrap().insert(name.clone(), value.clone());
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn member() -> Claims {
    Claims::Tenant { subject: "ada".into(), tenant: "acme".into(), role: Role::Member }
}

fn signed(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    encode(header, claims, key).unwrap()
}

fn hs256(claims: &Value) -> String {
    signed(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SECRET.as_bytes()))
}

fn private_key(algorithm: Algorithm) -> EncodingKey {
    match algorithm {
        Algorithm::ES256 => EncodingKey::from_ec_pem(&read("p256-private.pem")).unwrap(),
        Algorithm::EdDSA => EncodingKey::from_ed_pem(&read("ed25519-private.pem")).unwrap(),
        _ => EncodingKey::from_rsa_pem(&read("rsa-private.pem")).unwrap(),
    }
}

fn header(algorithm: Algorithm, kid: Option<&str>) -> Header {
    Header { kid: kid.map(String::from), ..Header::new(algorithm) }
}

fn asymmetric(algorithm: Algorithm, kid: Option<&str>) -> String {
    signed(&header(algorithm, kid), &payload(), &private_key(algorithm))
}

fn unsigned(header: Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&header), part(claims))
}

mod claims {
    use super::*;

    #[test]
    fn of_a_tenant_and_of_the_platform_are_told_apart() {
        assert_eq!(verify(&with_secret(), &hs256(&payload())), Ok(member()));
        let platform = payload_with(json!({ "tenant": null, "role": "platform_admin" }));
        assert_eq!(verify(&with_secret(), &hs256(&platform)), Ok(Claims::Platform { operator: "ada".into() }));
    }

    #[test]
    fn that_do_not_say_clearly_who_asks_are_refused() {
        for changes in [
            json!({ "role": "platform_admin" }),
            json!({ "tenant": null }),
            json!({ "tenant": null, "role": null }),
            json!({ "tenant": "" }),
            json!({ "tenant": "", "role": "platform_admin" }),
            json!({ "tenant": " " }),
            json!({ "tenant": "ac\u{0}me" }),
            json!({ "tenant": ["acme", "other"] }),
            json!({ "tenant": 7 }),
            json!({ "role": null }),
            json!({ "role": "owner" }),
            json!({ "role": "Admin" }),
            json!({ "role": ["admin"] }),
            json!({ "sub": null }),
            json!({ "sub": "" }),
            json!({ "sub": 42 }),
            json!({ "sub": "a\nb" }),
            json!({ "sub": "a".repeat(256) }),
            json!({ "tenant": null, "role": "platform_admin", "sub": null }),
        ] {
            let refusal = verify(&with_secret(), &hs256(&payload_with(changes.clone())));
            assert!(matches!(refusal, Err(TokenError::Claims(_))), "{changes}: {refusal:?}");
        }
    }

    #[test]
    fn given_twice_are_refused() {
        let claims = format!(r#"{{"sub":"ada","tenant":"acme","tenant":"other","role":"admin","exp":{}}}"#, soon());
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), URL_SAFE_NO_PAD.encode(claims));
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        let refusal = verify(&with_secret(), &format!("{message}.{signature}"));
        assert!(matches!(refusal, Err(TokenError::Claims(_))), "{refusal:?}");
    }
}

mod time {
    use super::*;

    #[test]
    fn of_expiry_is_required_and_exact() {
        let now = Utc::now().timestamp();
        for (exp, expected) in [
            (json!(null), TokenError::Claims("exp is missing")),
            (json!("tomorrow"), TokenError::Claims("exp is missing")),
            (json!(-1), TokenError::Claims("exp is missing")),
            (json!(0), TokenError::Expired),
            (json!(now - 1), TokenError::Expired),
            (json!(now), TokenError::Expired),
        ] {
            let token = hs256(&payload_with(json!({ "exp": exp })));
            assert_eq!(verify(&with_secret(), &token), Err(expected), "exp {exp}");
        }
    }

    #[test]
    fn before_nbf_is_too_early() {
        let later = hs256(&payload_with(json!({ "nbf": soon() })));
        assert_eq!(verify(&with_secret(), &later), Err(TokenError::NotYetValid));
        let past = hs256(&payload_with(json!({ "nbf": Utc::now().timestamp() - 1 })));
        assert_eq!(verify(&with_secret(), &past), Ok(member()));
    }
}

mod issuer_and_audience {
    use super::*;

    fn strict() -> AuthConfig {
        AuthConfig { issuer: Some("https://login.example".into()), audience: Some("tenantry".into()), ..with_secret() }
    }

    #[test]
    fn are_required_when_configured() {
        let good = json!({ "iss": "https://login.example", "aud": "tenantry" });
        assert_eq!(verify(&strict(), &hs256(&payload_with(good))), Ok(member()));
        let several = json!({ "iss": "https://login.example", "aud": ["other", "tenantry"] });
        assert_eq!(verify(&strict(), &hs256(&payload_with(several))), Ok(member()));
        for (claims, expected) in [
            (json!({ "iss": "https://login.example" }), TokenError::Audience),
            (json!({ "iss": "https://login.example", "aud": "other" }), TokenError::Audience),
            (json!({ "iss": "https://login.example", "aud": [] }), TokenError::Audience),
            (json!({ "aud": "tenantry" }), TokenError::Issuer),
            (json!({ "iss": "https://evil.example", "aud": "tenantry" }), TokenError::Issuer),
        ] {
            let token = hs256(&payload_with(claims.clone()));
            assert_eq!(verify(&strict(), &token), Err(expected), "{claims}");
        }
    }

    #[test]
    fn are_not_looked_at_otherwise() {
        let token = hs256(&payload_with(json!({ "iss": "anybody", "aud": "anything" })));
        assert_eq!(verify(&with_secret(), &token), Ok(member()));
    }

    #[test]
    fn are_part_of_what_is_signed_here() {
        let token = Keys::load(&strict()).unwrap().sign(&member(), Duration::from_secs(60)).unwrap();
        assert_eq!(verify(&strict(), &token.token), Ok(member()));
    }
}

mod signatures {
    use super::*;

    #[test]
    fn of_every_kind_of_key_are_verified() {
        for (algorithm, pem) in [
            (Algorithm::RS256, "rsa-public.pem"),
            (Algorithm::RS256, "rsa-public-pkcs1.pem"),
            (Algorithm::ES256, "p256-public.pem"),
            (Algorithm::EdDSA, "ed25519-public.pem"),
        ] {
            let token = asymmetric(algorithm, None);
            assert_eq!(verify(&with_pem(pem), &token), Ok(member()), "{pem}");
            assert_eq!(verify(&with_secret(), &token), Err(TokenError::NoKey), "{pem}");
        }
    }

    #[test]
    fn with_one_bit_changed_are_refused() {
        for (config, token) in [
            (with_secret(), hs256(&payload())),
            (with_pem("rsa-public.pem"), asymmetric(Algorithm::RS256, None)),
            (with_pem("p256-public.pem"), asymmetric(Algorithm::ES256, None)),
            (with_pem("ed25519-public.pem"), asymmetric(Algorithm::EdDSA, None)),
        ] {
            let (message, signature) = token.rsplit_once('.').unwrap();
            let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
            for position in [0, bytes.len() / 2, bytes.len() - 1] {
                let mut altered = bytes.clone();
                altered[position] ^= 1;
                let altered = format!("{message}.{}", URL_SAFE_NO_PAD.encode(altered));
                assert_eq!(verify(&config, &altered), Err(TokenError::Signature));
            }
            for cut in [format!("{message}."), format!("{message}.{}", &signature[..4])] {
                assert_eq!(verify(&config, &cut), Err(TokenError::Signature));
            }
        }
    }

    #[test]
    fn do_not_carry_over_to_another_payload_or_header() {
        let token = hs256(&payload());
        let parts: Vec<_> = token.split('.').collect();
        let other = hs256(&payload_with(json!({ "tenant": "other" })));
        let swapped = [parts[0], other.split('.').nth(1).unwrap(), parts[2]].join(".");
        assert_eq!(verify(&with_secret(), &swapped), Err(TokenError::Signature));
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"mine"}"#);
        let swapped = [header.as_str(), parts[1], parts[2]].join(".");
        assert_eq!(verify(&with_secret(), &swapped), Err(TokenError::Signature));
    }

    #[test]
    fn by_another_key_of_the_kind_are_refused() {
        let other = EncodingKey::from_ed_pem(&read("other-ed25519-private.pem")).unwrap();
        let token = signed(&header(Algorithm::EdDSA, None), &payload(), &other);
        assert_eq!(verify(&with_pem("ed25519-public.pem"), &token), Err(TokenError::Signature));
        let guessed = EncodingKey::from_secret(b"secret-secret-secret-secret-secret");
        let token = signed(&header(Algorithm::HS256, None), &payload(), &guessed);
        assert_eq!(verify(&with_secret(), &token), Err(TokenError::Signature));
    }
}

mod algorithms {
    use super::*;

    #[test]
    fn none_in_any_spelling_is_no_token() {
        for name in ["none", "None", "NONE", "nOnE", ""] {
            let token = unsigned(json!({ "alg": name, "typ": "JWT" }), &payload());
            assert_eq!(verify(&with_secret(), &token), Err(TokenError::Malformed), "{name:?}");
        }
        let token = unsigned(json!({ "typ": "JWT" }), &payload());
        assert_eq!(verify(&with_secret(), &token), Err(TokenError::Malformed));
    }

    #[test]
    fn the_public_key_is_no_hmac_secret() {
        for (pem, kid) in
            [("rsa-public.pem", Some("rsa")), ("p256-public.pem", Some("p256")), ("ed25519-public.pem", None)]
        {
            let forged = signed(&header(Algorithm::HS256, kid), &payload(), &EncodingKey::from_secret(&read(pem)));
            assert_eq!(verify(&with_pem(pem), &forged), Err(TokenError::NoKey), "{pem}");
            assert_eq!(verify(&with_jwks(), &forged), Err(TokenError::NoKey), "{pem}");
            let both = AuthConfig { public_key_file: Some(fixture(pem)), ..with_secret() };
            assert_eq!(verify(&both, &forged), Err(TokenError::Signature), "{pem}");
        }
    }

    #[test]
    fn of_the_same_family_are_others_all_the_same() {
        let secret = EncodingKey::from_secret(SECRET.as_bytes());
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            let token = signed(&header(algorithm, None), &payload(), &secret);
            assert_eq!(verify(&with_secret(), &token), Err(TokenError::NoKey));
        }
        for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
            let token = asymmetric(algorithm, None);
            assert_eq!(verify(&with_pem("rsa-public.pem"), &token), Err(TokenError::NoKey));
            assert_eq!(verify(&with_jwks(), &token), Err(TokenError::NoKey));
        }
    }
}

mod key_sets {
    use super::*;

    #[test]
    fn are_searched_by_key_id() {
        assert_eq!(verify(&with_jwks(), &asymmetric(Algorithm::RS256, Some("rsa"))), Ok(member()));
        assert_eq!(verify(&with_jwks(), &asymmetric(Algorithm::ES256, Some("p256"))), Ok(member()));
        assert_eq!(verify(&with_jwks(), &asymmetric(Algorithm::RS256, None)), Ok(member()));
    }

    #[test]
    fn with_a_key_that_has_no_id_try_it_for_any() {
        assert_eq!(verify(&with_jwks(), &asymmetric(Algorithm::EdDSA, Some("new"))), Ok(member()));
    }

    #[test]
    fn do_not_lend_a_key_to_another_id() {
        for kid in ["p256", "another-algorithm", "for-encryption", "RSA", ""] {
            let token = asymmetric(Algorithm::RS256, Some(kid));
            assert_eq!(verify(&with_jwks(), &token), Err(TokenError::NoKey), "{kid}");
        }
    }
}

mod forms {
    use super::*;

    #[test]
    fn that_are_no_token_are_refused() {
        let good = hs256(&payload());
        let header = good.split('.').next().unwrap();
        for text in ["", ".", "..", "...", "a.b.c", "Bearer x", header, &good.replace('.', "")] {
            assert_eq!(verify(&with_secret(), text), Err(TokenError::Malformed), "{text:?}");
        }
        for text in [format!("{good}."), format!("{good}.{good}"), format!("{good}="), format!(" {good}")] {
            assert!(verify(&with_secret(), &text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn with_extensions_that_must_be_understood_are_refused() {
        let header = Header { crit: Some(vec!["b64".into()]), ..Header::new(Algorithm::HS256) };
        let token = signed(&header, &payload(), &EncodingKey::from_secret(SECRET.as_bytes()));
        assert_eq!(verify(&with_secret(), &token), Err(TokenError::Malformed));
    }
}

mod signing {
    use super::*;

    #[test]
    fn gives_what_verification_reads() {
        let keys = Keys::load(&with_secret()).unwrap();
        for claims in [member(), Claims::Platform { operator: "ops".into() }] {
            let signed = keys.sign(&claims, Duration::from_secs(3600)).unwrap();
            assert_eq!(keys.verify(&signed.token), Ok(claims));
            let left = (signed.expires_at - Utc::now()).num_seconds();
            assert!((3590..=3600).contains(&left), "{left}");
        }
    }

    #[test]
    fn needs_the_secret() {
        let keys = Keys::load(&with_jwks()).unwrap();
        let refusal = keys.sign(&member(), Duration::from_secs(60)).unwrap_err();
        assert!(matches!(refusal, SignError::NoSecret));
    }

    #[test]
    fn refuses_a_useless_or_endless_time() {
        let keys = Keys::load(&with_secret()).unwrap();
        for ttl in [Duration::ZERO, Duration::from_millis(999), Duration::MAX] {
            assert!(matches!(keys.sign(&member(), ttl), Err(SignError::Ttl)), "{ttl:?}");
        }
    }

    #[test]
    fn refuses_claims_that_verification_would_refuse() {
        let keys = Keys::load(&with_secret()).unwrap();
        let nobody = Claims::Platform { operator: String::new() };
        let refusal = keys.sign(&nobody, Duration::from_secs(60)).unwrap_err();
        assert!(matches!(refusal, SignError::Claims(_)));
    }
}

proptest! {
    /// Whatever is sent in place of a token is refused, and nothing breaks.
    #[test]
    fn no_text_is_a_token(text in "\\PC{0,200}", parts in "[A-Za-z0-9_-]{0,60}(\\.[A-Za-z0-9_-]{0,80}){0,4}") {
        prop_assert!(verify(&with_secret(), &text).is_err());
        prop_assert!(verify(&with_secret(), &parts).is_err());
    }

    /// A good token with any one character changed is none. (The last one carries bits that base64 leaves out.)
    #[test]
    fn a_token_that_was_touched_is_none(at in 0_usize..1000, with in "[A-Za-z0-9_.=-]") {
        let token = hs256(&payload());
        let at = at % (token.len() - 1);
        let mut touched = token.clone();
        touched.replace_range(at..=at, &with);
        prop_assume!(touched != token);
        prop_assert!(verify(&with_secret(), &touched).is_err(), "{touched}");
    }

    /// Claims of any shape, signed as they should be, are taken for what they say or refused.
    #[test]
    fn claims_of_any_shape_break_nothing(name in "sub|tenant|role|exp|nbf|iss|aud|iat", value in json_value()) {
        let _ = verify(&with_secret(), &hs256(&payload_with(json!({ name: value }))));
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| proptest::collection::vec(inner, 0..4).prop_map(Value::from))
}
