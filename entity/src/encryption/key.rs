//! Keys, and what is done with them: AES-256 in Galois/Counter Mode, a fresh random nonce for each text.

use std::fmt;

use aes_gcm::aead::{Aead, Generate, Nonce, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::stored;
use crate::rows::hex;

/// Bytes of a nonce, which is stored before what it sealed.
const NONCE: usize = 12;

/// Digits of a master key's id.
const ID_DIGITS: usize = 16;

/// The bytes of a key. They are overwritten when they are no longer needed, and nothing prints them.
pub(crate) struct KeyBytes(Zeroizing<[u8; 32]>);

/// A text, or a key, that does not open with this key: another one sealed it, or it was changed or moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unopenable;

impl KeyBytes {
    /// A new random key.
    pub(crate) fn generate() -> Self {
        Self(Zeroizing::new(<[u8; 32]>::generate()))
    }

    /// 32 bytes in base64.
    pub(crate) fn from_base64(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).ok()?);
        let mut key = Zeroizing::new([0; 32]);
        (bytes.len() == key.len()).then(|| {
            key.copy_from_slice(&bytes);
            Self(key)
        })
    }

    /// Tells master keys apart, and says nothing of them.
    pub(crate) fn id(&self) -> String {
        let hash = Sha256::new().chain_update("tenantry master key").chain_update(*self.0).finalize();
        hex(&hash)[..ID_DIGITS].to_owned()
    }

    /// Another key, so that only this one opens it, and only together with what it is `about`.
    pub(crate) fn wrap(&self, key: &Self, about: &[u8]) -> String {
        STANDARD.encode(seal(&self.cipher(), about, key.0.as_slice()))
    }

    /// A key that was wrapped with this one.
    pub(crate) fn unwrap(&self, wrapped: &str, about: &[u8]) -> Result<Self, Unopenable> {
        let sealed = STANDARD.decode(wrapped).map_err(|_| Unopenable)?;
        let bytes = Zeroizing::new(open(&self.cipher(), about, &sealed)?);
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(Unopenable);
        }
        key.copy_from_slice(&bytes);
        Ok(Self(key))
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&(*self.0).into())
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

/// Where a sealed text belongs. In any other place it does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot<'a> {
    pub(crate) tenant: Uuid,
    pub(crate) table: &'a str,
    pub(crate) column: &'a str,
    pub(crate) row: Uuid,
}

impl Slot<'_> {
    /// The associated data: lengths before names keep `ab, c` apart from `a, bc`.
    fn bytes(&self, version: i32) -> Vec<u8> {
        let mut bytes = b"tenantry:1:".to_vec();
        bytes.extend(self.tenant.as_bytes());
        bytes.extend(self.row.as_bytes());
        bytes.extend(version.to_be_bytes());
        for name in [self.table, self.column] {
            bytes.extend((name.len() as u64).to_be_bytes());
            bytes.extend(name.as_bytes());
        }
        bytes
    }
}

/// One version of a tenant's data key, ready to seal and open. Overwritten when it is dropped.
pub(crate) struct DataKey {
    pub(crate) version: i32,
    cipher: Aes256Gcm,
}

impl DataKey {
    pub(crate) fn new(version: i32, bytes: &KeyBytes) -> Self {
        Self { version, cipher: bytes.cipher() }
    }

    /// What a wrapped data key is bound to.
    pub(crate) fn about(tenant: Uuid, version: i32) -> Vec<u8> {
        [b"tenantry:data key:".as_slice(), tenant.as_bytes(), &version.to_be_bytes()].concat()
    }

    /// The text as it is stored in this slot.
    pub(crate) fn seal(&self, slot: Slot<'_>, text: &str) -> String {
        stored::sealed(self.version, &seal(&self.cipher, &slot.bytes(self.version), text.as_bytes()))
    }

    /// The text of a sealed one's body.
    pub(crate) fn open(&self, slot: Slot<'_>, body: &str) -> Result<String, Unopenable> {
        let sealed = STANDARD.decode(body).map_err(|_| Unopenable)?;
        let bytes = open(&self.cipher, &slot.bytes(self.version), &sealed)?;
        String::from_utf8(bytes).map_err(|_| Unopenable)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.version)
    }
}

fn seal(cipher: &Aes256Gcm, aad: &[u8], msg: &[u8]) -> Vec<u8> {
    let nonce = Nonce::<Aes256Gcm>::generate();
    let sealed = cipher.encrypt(&nonce, Payload { msg, aad }).expect("no text is 64 GiB long");
    [nonce.as_slice(), &sealed].concat()
}

fn open(cipher: &Aes256Gcm, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unopenable> {
    let (nonce, msg) = sealed.split_first_chunk::<NONCE>().ok_or(Unopenable)?;
    cipher.decrypt(&(*nonce).into(), Payload { msg, aad }).map_err(|_| Unopenable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encryption::Stored;

    const SLOT: Slot<'static> =
        Slot { tenant: Uuid::from_u128(1), table: "posts", column: "content", row: Uuid::from_u128(2) };

    fn body(stored: &str) -> &str {
        match Stored::read(stored) {
            Stored::Sealed { body, .. } => body,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_text_comes_back_and_is_never_sealed_the_same_twice() {
        let key = DataKey::new(3, &KeyBytes::generate());
        for text in ["", "x", "Zoë \u{1f600}", "sealed:1:3:AAAA"] {
            let (one, other) = (key.seal(SLOT, text), key.seal(SLOT, text));
            assert_ne!(one, other);
            assert!(one.starts_with("sealed:1:3:"), "{one}");
            assert_eq!(key.open(SLOT, body(&one)).as_deref(), Ok(text));
            assert_eq!(key.open(SLOT, body(&other)).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_text_opens_in_its_own_slot_only() {
        let bytes = KeyBytes::generate();
        let key = DataKey::new(1, &bytes);
        let sealed = key.seal(SLOT, "mine");
        for elsewhere in [
            Slot { tenant: Uuid::from_u128(3), ..SLOT },
            Slot { table: "post", ..SLOT },
            Slot { column: "title", ..SLOT },
            Slot { row: Uuid::from_u128(3), ..SLOT },
            Slot { table: "postsc", column: "ontent", ..SLOT },
            Slot { tenant: SLOT.row, row: SLOT.tenant, ..SLOT },
        ] {
            assert_eq!(key.open(elsewhere, body(&sealed)), Err(Unopenable), "{elsewhere:?}");
        }
        let another_version = DataKey::new(2, &bytes);
        assert_eq!(another_version.open(SLOT, body(&sealed)), Err(Unopenable));
        let another_key = DataKey::new(1, &KeyBytes::generate());
        assert_eq!(another_key.open(SLOT, body(&sealed)), Err(Unopenable));
    }

    #[test]
    fn no_byte_of_a_sealed_text_can_be_changed() {
        let key = DataKey::new(1, &KeyBytes::generate());
        let sealed = STANDARD.decode(body(&key.seal(SLOT, "small"))).unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[at] ^= 1 << bit;
                assert_eq!(key.open(SLOT, &STANDARD.encode(changed)), Err(Unopenable), "byte {at}, bit {bit}");
            }
            assert_eq!(key.open(SLOT, &STANDARD.encode(&sealed[..at])), Err(Unopenable), "cut off at {at}");
        }
    }

    #[test]
    fn a_wrapped_key_is_bound_to_its_tenant_and_version() {
        let (master, key) = (KeyBytes::generate(), KeyBytes::generate());
        let about = |tenant, version| DataKey::about(Uuid::from_u128(tenant), version);
        let wrapped = master.wrap(&key, &about(1, 1));
        assert_eq!(master.unwrap(&wrapped, &about(1, 1)).unwrap().0, key.0);
        assert!(master.unwrap(&wrapped, &about(2, 1)).is_err());
        assert!(master.unwrap(&wrapped, &about(1, 2)).is_err());
        assert!(KeyBytes::generate().unwrap(&wrapped, &about(1, 1)).is_err());
    }

    #[test]
    fn keys_are_read_from_base64_and_print_nothing() {
        let text = STANDARD.encode([7; 32]);
        let key = KeyBytes::from_base64(&format!(" {text}\n")).unwrap();
        assert_eq!(format!("{key:?} {:?}", DataKey::new(1, &key)), "[key] DataKey(1)");
        assert_eq!(key.id().len(), ID_DIGITS);
        assert_ne!(key.id(), KeyBytes::generate().id());
        for wrong in ["", "short", &STANDARD.encode([7; 31]), &STANDARD.encode([7; 33]), "*"] {
            assert!(KeyBytes::from_base64(wrong).is_none(), "{wrong}");
        }
    }
}
