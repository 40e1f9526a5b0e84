//! Checking who asks.
//!
//!     cargo bench --bench tokens

use std::path::PathBuf;
use std::time::Duration;

use divan::{Bencher, black_box};
use tenantry::auth::keys::Keys;
use tenantry::auth::tokens::{Believed, Claims};
use tenantry::config::{AuthConfig, Secret};

fn main() {
    divan::main();
}

fn keys() -> Keys {
    let secret = Secret::new("a secret of the benchmark's, 32 bytes and more");
    Keys::load(&AuthConfig { secret: Some(secret), ..AuthConfig::default() }).expect("keys")
}

fn token(keys: &Keys) -> String {
    let claims = Claims::Tenant {
        subject: "01a208ae-9be7-76a1-bc4d-4f10af7cc776".to_owned(),
        tenant: "acme".to_owned(),
        role: entity::Role::Member,
    };
    keys.sign(&claims, Duration::from_secs(3_600)).expect("a token").token
}

#[divan::bench]
fn checking_an_hs256_token(bencher: Bencher<'_, '_>) {
    let keys = keys();
    let token = token(&keys);
    bencher.bench_local(|| keys.verify(black_box(&token)));
}

#[divan::bench]
fn believing_a_token_that_was_checked(bencher: Bencher<'_, '_>) {
    let keys = keys();
    let token = token(&keys);
    let believed = Believed::new(keys);
    believed.verify(&token).expect("a good token");
    bencher.bench_local(|| believed.verify(black_box(&token)));
}

/// What is refused is never believed, so each is checked whole.
#[divan::bench]
fn refusing_an_eddsa_token(bencher: Bencher<'_, '_>) {
    let fixture = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/ed25519-public.pem"));
    let keys = Keys::load(&AuthConfig { public_key_file: Some(fixture), ..AuthConfig::default() }).expect("keys");
    let header = "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9";
    let token = format!("{header}.eyJzdWIiOiJhZGEifQ.{}", "A".repeat(86));
    bencher.bench_local(|| keys.verify(black_box(&token)));
}
