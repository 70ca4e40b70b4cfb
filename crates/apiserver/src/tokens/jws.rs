//! Signed tokens in the compact form of RFC 7515, with one algorithm only (ES256): no header can choose another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Longest token that is looked at.
const LONGEST: usize = 16 << 10;

/// The key could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Making.
    #[error("no key for tokens could be made")]
    Make,
    /// Reading.
    #[error("the key for tokens cannot be read: it is not a P-256 key in PKCS#8 form")]
    Read,
    /// Signing.
    #[error("the token could not be signed")]
    Sign,
}

/// The key that tokens are signed with.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    id: String,
}

/// Shows nothing of the key.
impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A new key, as PKCS#8: for [`SigningKey::read`].
    pub fn make() -> Result<Vec<u8>, Error> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        made.map(|document| document.as_ref().to_vec()).map_err(|_unspecified| Error::Make)
    }

    /// A key that was made before.
    pub fn read(pkcs8: &[u8]) -> Result<Self, Error> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &SystemRandom::new())
            .map_err(|_rejected| Error::Read)?;
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(pair.public_key().as_ref()));
        Ok(Self { pair, id })
    }

    /// A key that lasts as long as the process.
    pub fn ephemeral() -> Result<Self, Error> {
        Self::read(&Self::make()?)
    }

    /// The claims, signed.
    pub(super) fn sign(&self, claims: &Value) -> Result<String, Error> {
        let header = json!({"alg": "ES256", "kid": self.id});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature =
            self.pair.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|_unspecified| Error::Sign)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The claims of a token that this key has signed.
    pub(super) fn open(&self, token: &str) -> Option<Value> {
        if token.len() > LONGEST {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
        if header.get("alg")? != "ES256" || header.get("kid")? != self.id.as_str() {
            return None;
        }
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key().as_ref());
        key.verify(signed.as_bytes(), &decode(signature)?).ok()?;
        serde_json::from_slice(&decode(claims)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_header(token: &str, header: &Value) -> String {
        let rest = token.split_once('.').unwrap().1;
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
    }

    #[test]
    fn what_was_signed_is_opened_and_nothing_else() {
        let key = SigningKey::ephemeral().unwrap();
        let claims = json!({"sub": "a", "exp": 1});
        let token = key.sign(&claims).unwrap();
        assert_eq!(key.open(&token), Some(claims));
        assert_eq!(SigningKey::ephemeral().unwrap().open(&token), None);

        let (body, signature) = token.rsplit_once('.').unwrap();
        let forged = URL_SAFE_NO_PAD.encode(json!({"sub": "root", "exp": 1}).to_string());
        let header = body.split_once('.').unwrap().0;
        for bad in [
            format!("{header}.{forged}.{signature}"),
            format!("{body}."),
            body.to_owned(),
            "a.b.c".to_owned(),
            String::new(),
            with_header(&token, &json!({"alg": "none", "kid": key.id})),
            with_header(&token, &json!({"alg": "HS256", "kid": key.id})),
            with_header(&token, &json!({"alg": "ES256"})),
            "x".repeat(LONGEST + 1),
        ] {
            assert_eq!(key.open(&bad), None, "{bad}");
        }
    }
}
