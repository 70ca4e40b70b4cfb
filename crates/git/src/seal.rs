//! What lies in a work tree and is not for its readers: programs that steps run see the whole work tree, and what they
//! read may end in a commit. It is sealed with a secret of the cache.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use sha2::{Digest as _, Sha256};

use crate::Error;

/// Seals, and opens what was sealed with the same salt.
pub(crate) struct Seal(Option<LessSafeKey>);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(…)")
    }
}

impl Seal {
    pub(crate) fn new(salt: &[u8]) -> Self {
        let key = Sha256::new().chain_update(b"seal of work trees").chain_update(salt).finalize();
        Self(UnboundKey::new(&CHACHA20_POLY1305, &key).ok().map(LessSafeKey::new))
    }

    pub(crate) fn close(&self, text: &str) -> Result<String, Error> {
        let sealed = || {
            let mut nonce = [0; NONCE_LEN];
            SystemRandom::new().fill(&mut nonce).ok()?;
            let mut bytes = text.as_bytes().to_vec();
            let with = Nonce::assume_unique_for_key(nonce);
            self.0.as_ref()?.seal_in_place_append_tag(with, Aad::empty(), &mut bytes).ok()?;
            Some(STANDARD.encode([&nonce[..], &bytes].concat()))
        };
        let failed = || Error::Io { what: "seal a key".to_owned(), detail: "no random bytes".to_owned() };
        sealed().ok_or_else(failed)
    }

    /// None: it was not sealed here, or is not what was sealed.
    pub(crate) fn open(&self, sealed: &str) -> Option<String> {
        let bytes = STANDARD.decode(sealed.trim()).ok()?;
        let (nonce, bytes) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = bytes.to_vec();
        let text = self.0.as_ref()?.open_in_place(nonce, Aad::empty(), &mut bytes).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_the_salt_opens_it_and_nobody_else() {
        let seal = Seal::new(b"salt");
        let sealed = seal.close("a private key").unwrap();
        assert!(!sealed.contains("key") && sealed != seal.close("a private key").unwrap());
        assert_eq!(seal.open(&sealed).as_deref(), Some("a private key"));
        assert_eq!(Seal::new(b"salt").open(&sealed).as_deref(), Some("a private key"), "after a restart");
        assert_eq!(Seal::new(b"other").open(&sealed), None);
        for broken in ["", "a private key", "AAAA", &sealed.replace(&sealed[20..21], "_"), &sealed[..24]] {
            assert_eq!(seal.open(broken), None, "{broken}");
        }
    }
}
