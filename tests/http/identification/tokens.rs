//! Which tokens are believed. Every bad one is tried at a tenant's route and at the platform's.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use testkit::TestDatabase;

use crate::both_databases;
use crate::support::tokens::{SECRET, altered, assembled, in_seconds, signed, signed_with};
use crate::support::{Answer, TestApp};

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/keys/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).expect("a fixture")
}

/// The claims of an admin of acme, some of them replaced; `null` takes one away.
fn claims(changes: Value) -> Value {
    with(json!({ "sub": "ada", "tenant": "acme", "role": "admin", "exp": in_seconds(600) }), changes)
}

fn operators_claims(changes: Value) -> Value {
    with(json!({ "sub": "operator", "role": "platform_admin", "exp": in_seconds(600) }), changes)
}

fn with(mut claims: Value, changes: Value) -> Value {
    let claims_map = claims.as_object_mut().expect("an object");
    claims_map.extend(changes.as_object().expect("an object").clone());
    claims_map.retain(|_, value| !value.is_null());
    claims
}

fn header(algorithm: Algorithm, kid: Option<&str>) -> Header {
    Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) }
}

fn secret(text: &[u8]) -> EncodingKey {
    EncodingKey::from_secret(text)
}

/// What a bearer of this token gets from a tenant's route and, where it names no tenant, from the platform's.
async fn answers(app: &TestApp, token: &str) -> [Answer; 2] {
    let tenants = app.get("/v1/tenant").header("x-tenant-id", "acme").bearer(token).send().await;
    [tenants, app.get("/admin/v1/tenants").bearer(token).send().await]
}

async fn assert_refused(app: &TestApp, token: &str, case: &str) {
    for answer in answers(app, token).await {
        let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
        answer.is((401, "unauthenticated"), case);
        assert!(challenge.starts_with("Bearer"), "{case}: {challenge}");
    }
}

async fn assert_believed(app: &TestApp, token: &str, case: &str) {
    let [tenants, platforms] = answers(app, token).await;
    tenants.is((200, ""), case);
    platforms.is((403, "forbidden"), case);
}

both_databases! {
    async fn a_token_that_nobody_vouches_for_is_refused(app: TestApp) {
        app.tenant("acme").await;
        let good = signed(&claims(json!({})));
        assert_believed(&app, &good, "a good one").await;
        let signature = good.rsplit('.').next().expect("a signature");
        for claims in [claims(json!({})), operators_claims(json!({}))] {
            for algorithm in ["none", "None", "NONE", "nOnE", ""] {
                let header = json!({ "alg": algorithm, "typ": "JWT" });
                assert_refused(&app, &assembled(&header, &claims, ""), algorithm).await;
                assert_refused(&app, &assembled(&header, &claims, signature), algorithm).await;
            }
            assert_refused(&app, &assembled(&json!({ "alg": "HS256" }), &claims, ""), "no signature").await;
            assert_refused(&app, &assembled(&json!({ "typ": "JWT" }), &claims, signature), "no algorithm").await;
            for algorithm in [Algorithm::HS384, Algorithm::HS512] {
                let token = signed_with(&Header::new(algorithm), &claims, &secret(SECRET.as_bytes()));
                assert_refused(&app, &token, "another algorithm").await;
            }
            for wrong in [&b""[..], b"secret", &SECRET.as_bytes()[1..], b"0123456789abcdef0123456789abcdef"] {
                let token = signed_with(&Header::new(Algorithm::HS256), &claims, &secret(wrong));
                assert_refused(&app, &token, "another secret").await;
            }
            let promoted = with(claims.clone(), json!({ "exp": in_seconds(6000) }));
            assert_refused(&app, &altered(&good, &promoted), "another payload").await;
        }
        for token in ["garbage", "a.b.c", "..", ".", "null", "undefined", &good[1..], &good[..good.len() - 2]] {
            assert_refused(&app, token, token).await;
        }
        assert_refused(&app, &format!("{good}."), "a fourth part").await;
        assert_refused(&app, &format!("{good}AAAA"), "a longer signature").await;
        assert_refused(&app, &"x".repeat(5000), "a very long one").await;
    }

    async fn a_token_out_of_its_time_is_refused(app: TestApp) {
        app.tenant("acme").await;
        for (changes, case) in [
            (json!({ "exp": in_seconds(-1) }), "just expired"),
            (json!({ "exp": in_seconds(-86400) }), "long expired"),
            (json!({ "exp": 0 }), "expired in 1970"),
            (json!({ "exp": -1 }), "expired before 1970"),
            (json!({ "exp": null }), "for ever"),
            (json!({ "exp": "soon" }), "not a time"),
            (json!({ "exp": in_seconds(600).to_string() }), "a time as text"),
            (json!({ "exp": [in_seconds(600)] }), "a list of times"),
            (json!({ "nbf": in_seconds(120) }), "not valid yet"),
        ] {
            assert_refused(&app, &signed(&claims(changes.clone())), case).await;
            assert_refused(&app, &signed(&operators_claims(changes)), case).await;
        }
        for changes in [json!({ "nbf": in_seconds(-60) }), json!({ "iat": in_seconds(-60) }), json!({ "x": "unknown" })]
        {
            assert_believed(&app, &signed(&claims(changes)), "in its time").await;
        }
    }

    async fn a_token_that_does_not_say_clearly_whom_it_is_for_is_refused(app: TestApp) {
        app.tenant("acme").await;
        for changes in [
            json!({ "role": "platform_admin" }),
            json!({ "tenant": null }),
            json!({ "tenant": null, "role": null }),
            json!({ "tenant": "" }),
            json!({ "tenant": " " }),
            json!({ "tenant": 5 }),
            json!({ "tenant": ["acme"] }),
            json!({ "tenant": { "slug": "acme" } }),
            json!({ "role": null }),
            json!({ "role": "" }),
            json!({ "role": "Admin" }),
            json!({ "role": "owner" }),
            json!({ "role": "admin " }),
            json!({ "role": "admin,viewer" }),
            json!({ "role": ["admin"] }),
            json!({ "role": 1 }),
            json!({ "sub": null }),
            json!({ "sub": "" }),
            json!({ "sub": 7 }),
            json!({ "sub": "ada\u{0}" }),
            json!({ "sub": "ada\nroot" }),
        ] {
            assert_refused(&app, &signed(&claims(changes.clone())), &changes.to_string()).await;
        }
        for role in ["Platform_Admin", "platform_admin ", "platform-admin", "platform"] {
            assert_refused(&app, &signed(&operators_claims(json!({ "role": role }))), role).await;
        }
        let everything = signed(&operators_claims(json!({ "tenant": "" })));
        assert_refused(&app, &everything, "platform_admin with an empty tenant").await;
    }

    async fn issuer_and_audience_are_checked_once_configured(database: TestDatabase) {
        let settings = [("JWT_ISSUER", "https://id.example.com"), ("JWT_AUDIENCE", "tenantry")];
        let app = TestApp::with(database, &settings).await;
        let right = json!({ "iss": "https://id.example.com", "aud": "tenantry" });
        let token = |changes: Value| signed(&claims(with(right.clone(), changes)));
        let operator = signed(&operators_claims(right.clone()));
        let draft = json!({ "slug": "acme", "name": "Acme" });
        app.post("/admin/v1/tenants").bearer(&operator).json(&draft).send().await.expect(201);
        assert_believed(&app, &token(json!({})), "both right").await;
        assert_believed(&app, &token(json!({ "aud": ["other", "tenantry"] })), "one of several").await;
        for changes in [
            json!({ "iss": null }),
            json!({ "iss": "https://id.example.com/" }),
            json!({ "iss": "https://evil.test" }),
            json!({ "iss": 1 }),
            json!({ "aud": null }),
            json!({ "aud": "other" }),
            json!({ "aud": [] }),
            json!({ "aud": "Tenantry" }),
        ] {
            // Taken away or replaced, whatever `claims` would make of a null.
            assert_refused(&app, &token(changes.clone()), &changes.to_string()).await;
        }
    }

    async fn only_one_bearer_token_in_its_header_is_read(app: TestApp) {
        app.tenant("acme").await;
        let good = signed(&claims(json!({})));
        let bearer = format!("Bearer {good}");
        let unread = [
            format!("/v1/tenant?access_token={good}"),
            format!("/v1/tenant?token={good}"),
            format!("/v1/tenant?authorization={good}"),
        ];
        for path in &unread {
            app.get(path).send().await.is((401, "unauthenticated"), path);
        }
        for name in ["x-authorization", "cookie", "proxy-authorization", "x-access-token"] {
            app.get("/v1/tenant").header(name, &bearer).send().await.is((401, "unauthenticated"), name);
        }
        for value in ["", "Bearer", "Bearer ", &good, "Basic YWRhOmFkYQ==", "Digest x", &format!("Token {good}")] {
            app.get("/v1/tenant").header("authorization", value).send().await.is((401, "unauthenticated"), value);
        }
        for (first, second) in [(&bearer, "Bearer x"), (&"Bearer x".to_owned(), bearer.as_str()), (&bearer, &bearer)] {
            let call = app.get("/v1/tenant").header("authorization", first).header("authorization", second);
            call.send().await.is((401, "unauthenticated"), "two headers");
        }
        app.get("/v1/tenant").header("authorization", &bearer).send().await.expect(200);
    }

    async fn a_public_key_verifies_its_own_algorithm_only(database: TestDatabase) {
        let mut app = TestApp::on(database).await;
        app.tenant("acme").await;
        let rsa = EncodingKey::from_rsa_pem(&read("rsa-private.pem")).expect("a key");
        let p256 = EncodingKey::from_ec_pem(&read("p256-private.pem")).expect("a key");
        let ed25519 = EncodingKey::from_ed_pem(&read("ed25519-private.pem")).expect("a key");
        let keys = [(Algorithm::RS256, &rsa), (Algorithm::ES256, &p256), (Algorithm::EdDSA, &ed25519)];
        for (file, right) in [
            ("rsa-public.pem", Algorithm::RS256),
            ("rsa-public-pkcs1.pem", Algorithm::RS256),
            ("p256-public.pem", Algorithm::ES256),
            ("ed25519-public.pem", Algorithm::EdDSA),
        ] {
            app = app.restarted(&[("JWT_SECRET", ""), ("JWT_PUBLIC_KEY_FILE", &fixture(file))]).await;
            for (algorithm, key) in keys {
                let token = signed_with(&Header::new(algorithm), &claims(json!({})), key);
                match algorithm == right {
                    true => assert_believed(&app, &token, file).await,
                    false => assert_refused(&app, &token, file).await,
                }
            }
            for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
                let token = signed_with(&Header::new(algorithm), &claims(json!({})), &rsa);
                assert_refused(&app, &token, "another algorithm of the same key").await;
            }
            assert_refused(&app, &signed(&claims(json!({}))), "the secret of another installation").await;
            assert_public_text_is_no_secret(&app, file).await;
        }
        let other = EncodingKey::from_ed_pem(&read("other-ed25519-private.pem")).expect("a key");
        let token = signed_with(&Header::new(Algorithm::EdDSA), &claims(json!({})), &other);
        assert_refused(&app, &token, "another key").await;
    }

    async fn a_key_set_verifies_by_key_id(database: TestDatabase) {
        let mut app = TestApp::on(database).await;
        app.tenant("acme").await;
        let jwks = fixture("jwks.json");
        app = app.restarted(&[("JWKS_FILE", &jwks)]).await;
        let rsa = EncodingKey::from_rsa_pem(&read("rsa-private.pem")).expect("a key");
        let p256 = EncodingKey::from_ec_pem(&read("p256-private.pem")).expect("a key");
        let ed25519 = EncodingKey::from_ed_pem(&read("ed25519-private.pem")).expect("a key");
        let token = |algorithm, kid, key| signed_with(&header(algorithm, kid), &claims(json!({})), key);
        for (token, case) in [
            (signed(&claims(json!({}))), "the secret, beside the set"),
            (token(Algorithm::RS256, Some("rsa"), &rsa), "RSA"),
            (token(Algorithm::RS256, None, &rsa), "RSA without an id"),
            (token(Algorithm::ES256, Some("p256"), &p256), "P-256"),
            (token(Algorithm::EdDSA, None, &ed25519), "Ed25519"),
        ] {
            assert_believed(&app, &token, case).await;
        }
        for (token, case) in [
            (token(Algorithm::RS256, Some("p256"), &rsa), "another key's id"),
            (token(Algorithm::RS256, Some("../rsa"), &rsa), "an unknown id"),
            (token(Algorithm::RS256, Some("for-encryption"), &rsa), "a key for encryption"),
            (token(Algorithm::RS512, Some("another-algorithm"), &rsa), "an algorithm that is not taken"),
            (token(Algorithm::HS256, Some("symmetric"), &secret(b"")), "a symmetric key"),
        ] {
            assert_refused(&app, &token, case).await;
        }
        assert_public_text_is_no_secret(&app, "jwks.json").await;
    }

    /// A token may bring a key along or say where to get one; it is never asked.
    async fn a_key_in_the_token_is_not_used(app: TestApp) {
        app.tenant("acme").await;
        let rsa = EncodingKey::from_rsa_pem(&read("rsa-private.pem")).expect("a key");
        let own_set: Value = serde_json::from_slice(&read("jwks.json")).expect("JSON");
        let jwk = serde_json::from_value(own_set["keys"][0].clone()).expect("a key");
        let url = Some(format!("http://{}/openapi.json", app.address()));
        for header in [
            Header { jwk: Some(jwk), ..Header::new(Algorithm::RS256) },
            Header { jku: url.clone(), ..Header::new(Algorithm::RS256) },
            Header { x5u: url, ..Header::new(Algorithm::RS256) },
        ] {
            assert_refused(&app, &signed_with(&header, &claims(json!({})), &rsa), "a key of its own").await;
        }
    }
}

/// The old confusion: a public key, as text, taken for the secret of an HMAC.
async fn assert_public_text_is_no_secret(app: &TestApp, file: &str) {
    let text = read(file);
    let trimmed = text.trim_ascii();
    for key in [&text[..], trimmed] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let token = signed_with(&Header::new(algorithm), &claims(json!({})), &secret(key));
            assert_refused(app, &token, file).await;
        }
    }
}
