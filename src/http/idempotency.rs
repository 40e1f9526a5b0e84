//! `Idempotency-Key`: a request that is sent again gets the first answer again and makes nothing.
//!
//! The key, the row and the answer are written in one transaction, so a key is there exactly if its row is. Of two requests
//! with the same key that come at once, the later one waits for the first one's transaction at the key's own row.

use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{TimeDelta, Utc};
use entity::{
    Filter, IdempotencyChanges, IdempotencyColumn, IdempotencyRecord, NewIdempotencyRecord, Scopes, Transaction,
};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::answer::Created;
use crate::auth::extract::Caller;
use crate::error::Error;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Longest key that is taken, in characters.
const LONGEST_KEY: usize = 255;

/// For how long a key is remembered.
const REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// Makes a row and answers 201; or, if the request's key is known, gives the first answer again.
///
/// Whether the caller may do it, and whether the values obey their rules, is settled before. `insert` makes one row: without a key
/// that is all there is to do, and needs no transaction around it.
pub async fn create(
    request: &HttpRequest,
    caller: &Caller,
    body: &[u8],
    insert: impl AsyncFnOnce(&dyn Scopes) -> Result<Created, Error>,
) -> Result<HttpResponse, Error> {
    let created = match Attempt::of(request, caller, body)? {
        Some(attempt) => caller.access().transaction(async |inside| attempt.create(inside, insert).await).await?,
        None => insert(caller.access()).await?,
    };
    Ok(created.into())
}

/// A request that names itself, so that it can be recognised when it comes again.
struct Attempt {
    id: Uuid,
    fingerprint: String,
}

impl Attempt {
    /// Reads the request's key, if it has one: 400 if it is not 1 to 255 visible ASCII characters.
    fn of(request: &HttpRequest, caller: &Caller, body: &[u8]) -> Result<Option<Self>, Error> {
        let Some(key) = request.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
        let key = key.as_bytes();
        if !is_acceptable(key) {
            return Err(Error::malformed("An idempotency key is 1 to 255 visible ASCII characters."));
        }
        Ok(Some(Self {
            id: id_of(caller.is_platform(), caller.subject(), key),
            fingerprint: fingerprint(request.method().as_str(), request.path(), body),
        }))
    }

    /// Gives the first answer again, or makes the row and keeps its answer.
    async fn create(
        self,
        transaction: &Transaction,
        insert: impl AsyncFnOnce(&dyn Scopes) -> Result<Created, Error>,
    ) -> Result<Created, Error> {
        let keys = transaction.idempotency();
        keys.delete_many(Filter::lt(IdempotencyColumn::CreatedAt, Utc::now() - REMEMBERED)).await?;
        let (id, fingerprint) = (self.id, self.fingerprint.clone());
        let new = NewIdempotencyRecord { id, fingerprint, ..Default::default() };
        if keys.insert_if_absent(new).await?.is_none() {
            let first = keys.get(id).await?.ok_or_else(|| Error::internal("an idempotency key vanished"))?;
            return self.replay(first);
        }
        let created = insert(transaction).await?;
        keys.update(id, Filter::all(), remembered(created.clone())).await?;
        Ok(created)
    }

    fn replay(&self, first: IdempotencyRecord) -> Result<Created, Error> {
        if first.fingerprint != self.fingerprint {
            return Err(Error::IdempotencyKeyReused);
        }
        match (first.location, first.etag, first.body) {
            (Some(location), Some(etag), Some(body)) => Ok(Created { location, etag, body }),
            _ => Err(Error::internal("an idempotency key without its answer")),
        }
    }
}

fn remembered(created: Created) -> IdempotencyChanges {
    let Created { location, etag, body } = created;
    IdempotencyChanges { location: Some(Some(location)), etag: Some(Some(etag)), body: Some(Some(body)) }
}

fn is_acceptable(key: &[u8]) -> bool {
    (1..=LONGEST_KEY).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic)
}

/// Everybody has keys of their own, an operator and a user of the same name too: a stranger's key finds nothing.
fn id_of(is_platform: bool, subject: &str, key: &[u8]) -> Uuid {
    let digest = digest([&[u8::from(is_platform)], subject.as_bytes(), key]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

fn fingerprint(method: &str, path: &str, body: &[u8]) -> String {
    let digest = digest([method.as_bytes(), path.as_bytes(), body]);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The length before each part keeps `ab, c` apart from `a, bc`.
fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let hash = parts
        .into_iter()
        .fold(Sha256::new(), |hash, part| hash.chain_update((part.len() as u64).to_be_bytes()).chain_update(part));
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_who_sent_it() {
        let id = |subject, key: &str| id_of(false, subject, key.as_bytes());
        assert_eq!(id("ada", "k"), id("ada", "k"));
        assert_ne!(id("ada", "k"), id("bob", "k"));
        assert_ne!(id("ada", "k"), id("ad", "ak"));
        assert_ne!(id("ada", "k"), id_of(true, "ada", b"k"));
    }

    #[test]
    fn a_fingerprint_tells_requests_apart() {
        let first = fingerprint("POST", "/v1/users", b"{}");
        assert_eq!(first.len(), 64);
        assert_ne!(first, fingerprint("POST", "/v1/users", b"{ }"));
        assert_ne!(first, fingerprint("POST", "/v1/posts", b"{}"));
    }

    #[test]
    fn only_visible_ascii_is_a_key() {
        assert!(is_acceptable(b"2f1c7d9e") && is_acceptable(&[b'x'; 255]));
        assert!(!is_acceptable(b"") && !is_acceptable(&[b'x'; 256]));
        assert!(!is_acceptable(b"a b") && !is_acceptable(b"\xc3\xa9"));
    }
}
